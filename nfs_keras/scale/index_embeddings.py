"""Fills a gallery from the Parquet shards of a directory."""

import keras

from nfs_keras.optional import optional_import
from nfs_keras.scale.image_list import check_ids
from nfs_keras.scale.shards import shard_paths

COLUMNS = ["modality", "identity", "camera", "time"]


def index_embeddings(gallery, directory, verbose=1) -> int:
    """Adds all embeddings of a directory to a gallery.

    Args:
        gallery: A `Gallery`.
        directory: Path of the output directory of `embed_images`.
        verbose: Whether to show a progress bar. Defaults to `1`.

    Returns:
        Number of embeddings added; those with an id that the gallery knows
        replace the older ones.

    Raises:
        ValueError: If there are no shards, ids repeat among them, or they
            come from several models or another one than the gallery's;
            nothing is written then.
        ConnectionError: If the server fails; start again.
    """
    parquet = optional_import("pyarrow.parquet", extra="scale")
    paths = shard_paths(directory)
    version = check_versions(directory, paths, parquet)
    num_rows = check_all_ids(paths)
    bar = keras.utils.Progbar(num_rows, verbose=int(verbose))
    for path in paths:
        table = parquet.read_table(path)
        size = table.schema.field("embedding").type.list_size
        flat = table["embedding"].combine_chunks().values.to_numpy()
        gallery.add(
            table["id"].to_pylist(),
            flat.reshape(-1, size),
            version,
            **{name: table[name].to_pylist() for name in COLUMNS},
        )
        bar.add(table.num_rows)
    return num_rows


def check_versions(directory, paths, parquet):
    """Returns the one model version of all shards."""
    versions = set()
    for path in paths:
        metadata = parquet.read_schema(path).metadata or {}
        versions.add(metadata.get(b"model_version", b"").decode())
    if len(versions) != 1 or "" in versions:
        raise ValueError(
            "A directory to index holds embeddings of one model version. "
            f"Received: directory={str(directory)!r}, which has "
            f"{len(paths)} shards of the versions {sorted(versions)}. "
            "Write embeddings with `nfs-reid embed`, one directory per model."
        )
    return versions.pop()


def check_all_ids(paths):
    """Refuses ids that repeat anywhere; returns how many there are."""
    arrow = optional_import("pyarrow", extra="scale")
    parquet = optional_import("pyarrow.parquet", extra="scale")
    ids = arrow.concat_tables(
        parquet.read_table(path, columns=["id"]) for path in paths
    )["id"]
    check_ids(ids)
    return len(ids)
