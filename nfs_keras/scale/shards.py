"""Parquet shards of embeddings: written completely or not at all.

An output directory holds `embeddings-00000.parquet`, ... and, where images
could not be embedded, `_bad-00000.csv` (id, path, reason): a leading
underscore hides it from programs that read the directory as Parquet. A file
appears under its name only when it is complete, so every existing file counts
as finished, and a killed run resumes after it. Only one run per directory at a
time.
"""

import csv
import pathlib
import re

from nfs_keras.files import replace_file
from nfs_keras.optional import optional_import
from nfs_keras.scale.image_list import image_schema

SHARDS = "embeddings-*.parquet"
SHARD = "embeddings-{:05d}.parquet"
BAD = "_bad-{:05d}.csv"
ENCODED = ["identity", "camera", "modality", "model_version"]  # few values


def shard_schema(dim: int, modality: str, model_version: str):
    """Returns the columns of a shard, with its model and modality."""
    arrow = optional_import("pyarrow", extra="scale")
    metadata = {"modality": modality, "model_version": model_version}
    fields = [field for field in image_schema(arrow) if field.name != "path"]
    strings = ("modality", "model_version", "checksum")
    fields += [arrow.field(name, arrow.string()) for name in strings]
    embedding = arrow.list_(arrow.float32(), dim)
    return arrow.schema([*fields, ("embedding", embedding)], metadata)


def shard_table(images, embeddings, checksums, schema):
    """Joins N images and their (N, D) embeddings into a shard's table."""
    arrow = optional_import("pyarrow", extra="scale")
    size = len(embeddings)
    constants = {
        key.decode(): arrow.repeat(value.decode(), size)
        for key, value in schema.metadata.items()
    }
    flat = arrow.array(embeddings.reshape(-1))
    vectors = arrow.FixedSizeListArray.from_arrays(flat, embeddings.shape[1])
    columns = {name: images[name] for name in images.column_names}
    columns |= constants
    columns |= {"checksum": checksums, "embedding": vectors}
    return arrow.table({k: columns[k] for k in schema.names}, schema=schema)


def write_shard(directory, number, table, bad):
    """Writes shard `number`, and its list of bad images, each atomically.

    Args:
        directory: Path of the output directory.
        number: Int, not yet in use there.
        table: A table of `shard_schema`, or `None` if all images are bad.
        bad: List of (id, path, reason).
    """
    parquet = optional_import("pyarrow.parquet", extra="scale")
    # The bad ones first: if the run is killed in between, they are listed, and
    # the others are embedded again in another shard. Each image counts once.
    directory = pathlib.Path(directory)
    if bad:
        with replace_file(directory / BAD.format(number), "w") as file:
            csv.writer(file).writerows([("id", "path", "reason"), *bad])
    if table is not None and table.num_rows:
        with replace_file(directory / SHARD.format(number)) as file:
            parquet.write_table(table, file, use_dictionary=ENCODED)


def shard_paths(directory, below="."):
    """Lists the complete shards of a directory, or of those in it, in order."""
    return sorted(pathlib.Path(directory).glob(f"{below}/{SHARDS}"))


def done_ids(directory):
    """Lists the ids that `directory` already holds, bad ones included.

    Returns:
        A `pyarrow` string array. A restarted run needs only this array and
        `next_number`.
    """
    arrow = optional_import("pyarrow", extra="scale")
    parquet = optional_import("pyarrow.parquet", extra="scale")
    chunks = [arrow.array([], arrow.string())]
    for path in shard_paths(directory):
        column = parquet.read_table(path, columns=["id"])["id"]
        chunks += column.chunks
    for path in sorted(pathlib.Path(directory).glob("_bad-*.csv")):
        with path.open(newline="") as file:
            ids = [row["id"] for row in csv.DictReader(file)]
        chunks.append(arrow.array(ids, arrow.string()))
    return arrow.concat_arrays(chunks)


def next_number(directory) -> int:
    """Returns the first unused shard number in `directory`."""
    names = [path.name for path in pathlib.Path(directory).iterdir()]
    used = [re.fullmatch(r"(embeddings|_bad)-(\d+)\.\w+", x) for x in names]
    return 1 + max((int(match[2]) for match in used if match), default=-1)


def check_schema(directory, schema):
    """Raises `ValueError` if shards are of another model or modality.

    Raises:
        ValueError: If a shard's metadata differ from those of `schema`.
    """
    parquet = optional_import("pyarrow.parquet", extra="scale")
    wanted = {k.decode(): v.decode() for k, v in schema.metadata.items()}
    for path in shard_paths(directory):
        metadata = parquet.read_schema(path).metadata or {}
        found = {k: metadata.get(k.encode(), b"").decode() for k in wanted}
        if found != wanted:
            raise ValueError(
                "A directory must hold embeddings of one model and modality. "
                f"Received: {wanted}, but {path.name} has {found}. "
                "Choose another output directory."
            )
