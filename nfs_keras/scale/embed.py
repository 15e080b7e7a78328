"""Embeds many images into Parquet shards, and can resume at any moment."""

import pathlib
from typing import NamedTuple

from nfs_keras.files import lock, remove_partial_files
from nfs_keras.optional import optional_import
from nfs_keras.scale.image_list import list_images
from nfs_keras.scale.progress import progress
from nfs_keras.scale.ray_engine import run_on_ray
from nfs_keras.scale.shard_embedder import ShardEmbedder
from nfs_keras.scale.shards import (
    check_schema,
    done_ids,
    next_number,
    shard_schema,
)

ENGINES = ("local", "ray")


class EmbeddingCounts(NamedTuple):
    """Numbers of images that a run embedded, could not read, and skipped."""

    embedded: int
    bad: int
    skipped: int


def embed_folder(folder, output, embedder, **options) -> EmbeddingCounts:
    """Embeds all images below a folder, see `embed_images`.

    Args:
        folder: Path of a folder of JPEG, PNG or BMP files, at any depth.
        output: Path of the output directory.
        embedder: An `Embedder`.
        **options: Options of `embed_images`.
    """
    return embed_images(list_images(folder), output, embedder, **options)


def embed_images(
    images,
    output,
    embedder,
    engine="local",
    batch_size=64,
    shard_size=4096,
    num_threads=8,
    num_workers=2,
    num_gpus=0,
    verbose=1,
) -> EmbeddingCounts:
    """Embeds a list of images into the Parquet shards of a directory.

    A shard has the columns `id`, `identity`, `camera`, `time`, `modality`,
    `model_version`, `checksum` (SHA-256 of the file) and `embedding` (D
    float32). An image that cannot be read or decoded is listed in a
    `_bad-*.csv` beside the shards, with the reason. A second start skips the
    finished images, bad ones included: delete their list to retry them.

    Args:
        images: Table of `image_list`, `list_images` or
            `read_image_list`.
        output: Path of the output directory, on a disk that all workers
            share. One run per directory at a time: it is locked.
        embedder: An `Embedder`.
        engine: `"local"` (this process) or `"ray"` (Ray Data actors, on the
            cluster that `ray.init` reached). Defaults to `"local"`.
        batch_size: Int. Images per call of the model. Defaults to `64`.
        shard_size: Int. Images per shard, also the most that a killed
            worker repeats. Defaults to `4096`.
        num_threads: Int. Threads that read files ahead. Defaults to `8`.
        num_workers: Int. Actors of the Ray engine. Defaults to `2`.
        num_gpus: Number. GPUs of each actor, such as `1` or `0.5`. Defaults
            to `0`.
        verbose: Whether the local engine shows a progress bar (Ray Data has
            its own). Defaults to `1`.

    Returns:
        An `EmbeddingCounts`.

    Raises:
        ValueError: If the engine is unknown, or `output` holds embeddings of
            another model or modality, or another process writes it.
    """
    if engine not in ENGINES:
        raise ValueError(
            f"`engine` must be one of {ENGINES}. "
            f"Received: engine={engine!r}. "
            'Choose "local" on one machine, "ray" on a cluster.'
        )
    directory = pathlib.Path(output).absolute()
    with lock(directory):
        prepare_directory(directory, embedder)
        todo = without(images, done_ids(directory))
        shards = ShardEmbedder(
            embedder, str(directory), batch_size, shard_size, num_threads
        )
        number = next_number(directory)
        if engine == "ray":
            counts = run_on_ray(shards, todo, number, num_workers, num_gpus)
        else:
            counts = shards(todo, number, progress(todo.num_rows, verbose))
    return EmbeddingCounts(*counts, images.num_rows - todo.num_rows)


def prepare_directory(directory, embedder):
    """Checks that a directory fits the model, and tidies it."""
    schema = shard_schema(
        embedder.dim, embedder.modality, embedder.model_version
    )
    check_schema(directory, schema)
    remove_partial_files(directory)


def without(images, ids):
    """Drops the images whose id is among `ids`."""
    compute = optional_import("pyarrow.compute", extra="scale")
    done = compute.is_in(images["id"], value_set=ids)
    return images.filter(compute.invert(done)).combine_chunks()
