"""Finds pictures that cannot be trained on, before training begins."""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keras
import tensorflow as tf

from nfs_keras.datasets.bad_image import BadImage
from nfs_keras.datasets.image_headers import check_header
from nfs_keras.datasets.images import decode_image
from nfs_keras.datasets.sample import Sample


def check_headers(samples: Iterable[Sample]) -> None:
    """Refuses samples whose files do not even begin like pictures.

    Raises:
        BadImage: A file is missing, unreadable, empty, no picture or too
            large to unpack.
    """
    for sample in samples:
        check_header(sample.path)


def check_images(samples: Sequence[Sample]) -> None:
    """Decodes all samples once, in parallel, and keeps nothing.

    Raises:
        BadImage: A file cannot be decoded; the first one is named.
    """
    for fault in find_faults([sample.path for sample in samples]):
        if fault is not None:
            raise fault


def find_faults(
    paths: Sequence[str | Path], verbose: bool = False
) -> list[BadImage | None]:
    """Decodes files in parallel and tells what is wrong with each.

    Args:
        paths: Image files.
        verbose: Whether to show a progress bar.

    Returns:
        For each path an error that describes its fault, or `None`.
    """
    bar = keras.utils.Progbar(len(paths), verbose=int(verbose))
    faults = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for fault in pool.map(find_fault, paths):
            faults.append(fault)
            bar.update(len(faults))
    return faults


def find_fault(path: str | Path) -> BadImage | None:
    """Decodes one file as training would, and tells what is wrong with it."""
    try:
        check_header(path)
        with tf.device("CPU:0"):
            decode_image(Path(path).read_bytes())
    except BadImage as fault:
        return fault
    except tf.errors.InvalidArgumentError:
        return BadImage(path, "is damaged or cut off")
    return None
