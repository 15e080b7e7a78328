"""Adds the embeddings of Parquet shards to a gallery."""

from typing import NamedTuple

from nfs_keras.optional import optional_import
from nfs_keras.scale.gallery_checks import check_version
from nfs_keras.scale.image_list import check_ids
from nfs_keras.scale.progress import progress
from nfs_keras.scale.shards import shard_paths

COLUMNS = ["modality", "identity", "camera", "time", "checksum"]


class IndexCounts(NamedTuple):
    """Numbers of ids that were new, replaced, and known before."""

    new: int
    replaced: int
    known: int


def index_embeddings(
    gallery, directory, replace=False, verbose=1
) -> IndexCounts:
    """Adds all embeddings of a directory to a gallery.

    An id that the gallery has for the same image is skipped, so repeat an
    interrupted call. An id that it has for another image, of another folder
    for example, raises an error unless `replace` is set.

    Args:
        gallery: A `Gallery`.
        directory: Path of the output directory of `embed_images`.
        replace: Whether the rows of all ids are written again, also where the
            gallery has another image, or another modality, camera, identity
            or time of the same one. Defaults to `False`.
        verbose: Whether to show a progress bar. Defaults to `1`.

    Returns:
        An `IndexCounts`.

    Raises:
        ValueError: If there are no shards, ids repeat among them or belong to
            other images in the gallery, or they come from several models or
            another one than the gallery's; then nothing is written.
        ConnectionError: If the server fails; repeat the call.
    """
    parquet = optional_import("pyarrow.parquet", extra="scale")
    paths = shard_paths(directory)
    version = check_versions(directory, paths, parquet)
    check_version(version, gallery.model_version)
    checksums = read_checksums(paths, parquet)
    known = gallery.checksums(checksums)
    other = [x for x in known if known[x] != checksums[x]]
    if other and not replace:
        raise ValueError(
            "An id of a gallery must belong to one image. "
            f"Received: directory={str(directory)!r}, in which {len(other)} "
            f"ids belong to other images, such as {other[0]!r}. "
            "Give each folder ids of its own (a list of paths has a column "
            "`id`), or replace the images with `replace=True`."
        )
    left = set(checksums) - (set() if replace else set(known))
    show = progress(len(checksums), verbose)
    for path in paths:
        table = parquet.read_table(path)
        add(gallery, table, left, version)
        show(table.num_rows)
    num_new = len(checksums) - len(known)
    return IndexCounts(num_new, len(left) - num_new, len(checksums) - len(left))


def add(gallery, table, ids, version):
    """Adds the rows of one shard whose id is among `ids`."""
    table = table.filter([x in ids for x in table["id"].to_pylist()])
    if not table.num_rows:
        return
    size = table.schema.field("embedding").type.list_size
    flat = table["embedding"].combine_chunks().flatten().to_numpy()
    gallery.add(
        table["id"].to_pylist(),
        flat.reshape(-1, size),
        version,
        **{name: table[name].to_pylist() for name in COLUMNS},
    )


def check_versions(directory, paths, parquet):
    """Returns the one model version of all shards."""
    versions = set()
    for path in paths:
        metadata = parquet.read_schema(path).metadata or {}
        versions.add(metadata.get(b"model_version", b"").decode())
    if len(versions) != 1 or "" in versions:
        below = sorted({str(x.parent) for x in shard_paths(directory, "*")})
        raise ValueError(
            "A directory to index must have embeddings of one model version. "
            f"Received: directory={str(directory)!r}, which has "
            f"{len(paths)} shards of the versions {sorted(versions)}. "
            + (
                f"Index the folders in it, {' and '.join(below)}."
                if below and not paths
                else "Write embeddings with `nfs-reid embed`, one directory "
                "per model."
            )
        )
    return versions.pop()


def read_checksums(paths, parquet):
    """Returns a dict from id to checksum; repeated ids raise an error."""
    arrow = optional_import("pyarrow", extra="scale")
    table = arrow.concat_tables(
        parquet.read_table(path, columns=["id", "checksum"]) for path in paths
    )
    check_ids(table["id"])
    ids, checksums = (column.to_pylist() for column in table.columns)
    return dict(zip(ids, checksums, strict=True))
