r"""Embeds a folder of images, or a dataset, into Parquet shards.

    nfs-reid embed --model=saved_model/1 --output=DIR my_images
    nfs-reid embed --server=localhost:8500 --modality=visible \
        --output=DIR FOLDER

A dataset, also of your own in folders or a CSV file, contains the modality,
the identity and the camera of its images; without --modality they are written
to DIR/visible and DIR/infrared. For another FOLDER, or a list of paths
LIST.parquet, --modality is the modality of all images. A second start skips
finished images; images that cannot be read are listed.
"""

import os
import pathlib

from absl import flags

from nfs_keras.cli.arguments import reader_flag, words_named
from nfs_keras.cli.embedder_flags import embedder_flags, make_embedder
from nfs_keras.datasets import open_dataset
from nfs_keras.modalities import MODALITIES
from nfs_keras.scale import (
    embed_images,
    image_list,
    list_images,
    read_image_list,
)

FLAGS = embedder_flags(reader_flag(flags.FlagValues()))
flags.DEFINE_enum(
    "modality", None, list(MODALITIES),
    "Of all images; of a dataset, which of its images (default: both).",
    flag_values=FLAGS,
)  # fmt: skip
flags.DEFINE_string("output", None, "Folder of the shards.", flag_values=FLAGS)
flags.DEFINE_enum(
    "engine", "local", ["local", "ray"], "What runs the embedder.",
    flag_values=FLAGS,
)  # fmt: skip
flags.DEFINE_integer("batch_size", 64, "Images a call.", flag_values=FLAGS)
flags.DEFINE_integer("num_workers", 2, "Actors of Ray.", flag_values=FLAGS)
flags.DEFINE_float(
    "num_gpus", 0, "GPUs of each actor of Ray.", flag_values=FLAGS
)
flags.mark_flag_as_required("output", flag_values=FLAGS)


def run(words):
    lists = image_lists(words_named(words, "DATA"), FLAGS.modality)
    for modality, images in lists.items():
        counts = embed_images(
            images,
            pathlib.Path(FLAGS.output, "" if FLAGS.modality else modality),
            make_embedder(FLAGS, modality),
            engine=FLAGS.engine,
            batch_size=FLAGS.batch_size,
            num_workers=FLAGS.num_workers,
            num_gpus=FLAGS.num_gpus,
        )
        print(
            f"{modality}: {counts.embedded} embedded, {counts.skipped} done "
            f"before, {counts.bad} that cannot be read"
        )


def image_lists(place, modality):
    """Lists the images to embed, by modality."""
    dataset = find_dataset(place)
    if dataset is not None:
        wanted = [modality] if modality else MODALITIES
        return {name: list_samples(dataset, name) for name in wanted}
    if modality is None:
        raise ValueError(
            "Images outside of a dataset need a modality. "
            f"Received: {place!r}, which is no known dataset. "
            "Add --modality=visible or --modality=infrared."
        )
    listed = place.endswith(".parquet")
    return {modality: (read_image_list if listed else list_images)(place)}


def find_dataset(place):
    """Opens a dataset; `None` if `place` is a folder of images or a list."""
    if FLAGS.reader:
        return open_dataset(place, reader=FLAGS.reader)
    try:
        return open_dataset(place)
    except ValueError:
        if pathlib.Path(place).suffix == ".csv":
            raise
        return None


def list_samples(dataset, modality):
    """Lists all images of a dataset, training and test, in one modality."""
    samples = [
        sample
        for sample in sorted({*dataset.train, *dataset.test})
        if sample.modality == modality
    ]
    ids = [os.path.relpath(sample.path, dataset.root) for sample in samples]
    return image_list(
        {
            "id": [name.replace(os.sep, "/") for name in ids],
            "path": [sample.path for sample in samples],
            "identity": [sample.identity for sample in samples],
            "camera": [sample.camera for sample in samples],
        }
    )
