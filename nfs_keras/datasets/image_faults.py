"""Finds images that cannot be trained on, before training begins.

A file of a few kilobytes can unpack into gigabytes of pixels, so sizes are
read from the first bytes before anything is decoded. The decoder of
`images.py` can read every format that the check of the header accepts.
"""

import os
import struct
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import keras
import tensorflow as tf

from nfs_keras.datasets.images import decode_image
from nfs_keras.datasets.sample import Sample

# 4096 x 4096: larger than any image of one person, smaller than the
# decompression bombs that the limit stops.
MAX_PIXELS = 2**24
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


class BadImage(ValueError):
    """Error that names an image that cannot be used, and the reason.

    Args:
        path: The file.
        fault: What is wrong with it, to be read after "which".
    """

    def __init__(self, path: str | Path, fault: str) -> None:
        self.path = path
        self.fault = fault
        super().__init__(
            "Every image must be a whole BMP, PNG, JPEG or GIF file of at "
            f"most {MAX_PIXELS:,} pixels. "
            f"Received: path={str(path)!r}, which {fault}. "
            "Restore it from the dataset's archive, or leave it out."
        )


def check_headers(samples: Iterable[Sample]) -> None:
    """Raises `BadImage` if a file does not begin like an image.

    Raises:
        BadImage: A file is missing, unreadable, empty, no image or too
            large to unpack.
    """
    for sample in samples:
        check_header(sample.path)


def check_images(samples: Sequence[Sample]) -> None:
    """Decodes all samples once, in parallel, to find damaged files.

    Raises:
        BadImage: A file cannot be decoded; the first one is named.
    """
    for fault in find_faults([sample.path for sample in samples]):
        if fault is not None:
            raise fault


def find_faults(
    paths: Sequence[str | Path], verbose: bool = False
) -> list[BadImage | None]:
    """Decodes files in parallel and describes the fault of each.

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
    """Decodes one file as training would, and returns its fault or `None`."""
    try:
        check_header(path)
        with tf.device("CPU:0"):
            decode_image(Path(path).read_bytes())
    except BadImage as fault:
        return fault
    except tf.errors.InvalidArgumentError:
        return BadImage(path, "is damaged or incomplete")
    return None


def check_header(path: str | Path) -> tuple[int, int]:
    """Reads the height and the width of an image, if it may be decoded.

    Args:
        path: A BMP, PNG, JPEG or GIF file.

    Raises:
        BadImage: The file is missing, unreadable, empty, no such image, or
            would unpack into more than `MAX_PIXELS`.
    """
    try:
        with open(path, "rb") as file:
            height, width = read_size(file)
    except FileNotFoundError:
        raise BadImage(path, "does not exist") from None
    except OSError as error:
        raise BadImage(path, f"cannot be read: {error.strerror}") from None
    except struct.error:
        raise BadImage(path, "ends within its header") from None
    except ValueError as error:
        raise BadImage(path, str(error)) from None
    if not 0 < height * width <= MAX_PIXELS:
        raise BadImage(path, f"claims {height} x {width} pixels")
    return height, width


def read_size(file: BinaryIO) -> tuple[int, int]:
    """Reads `(height, width)` from the header of an open file."""
    head = file.read(54)
    if not head:
        raise ValueError("is empty")
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = struct.unpack(">II", head[16:24])
    elif head.startswith(b"BM"):
        width, height = read_bmp_size(head, file)
    elif head.startswith((b"GIF87a", b"GIF89a")):
        width, height = struct.unpack("<HH", head[6:10])
    elif head.startswith(b"\xff\xd8"):
        width, height = read_jpeg_size(file)
    else:
        raise ValueError("is no image in one of these formats")
    return height, width


def read_bmp_size(head: bytes, file: BinaryIO) -> tuple[int, int]:
    """Reads `(width, height)`; a palette that is not grey is an error."""
    header_size, width, height = struct.unpack("<Iii", head[14:26])
    (depth,) = struct.unpack("<H", head[28:30])
    if depth not in (8, 24, 32):
        raise ValueError(f"is a BMP of {depth} bits per pixel, not 8 or more")
    if depth == 8:
        # The decoder uses palette indices as grey levels.
        file.seek(14 + header_size)
        palette = file.read(1024)
        greys = bytes(range(256))
        if any(palette[channel::4] != greys for channel in range(3)):
            raise ValueError("is a BMP with a palette of colours")
    return abs(width), abs(height)


def read_jpeg_size(file: BinaryIO) -> tuple[int, int]:
    """Reads segment after segment until one holds `(width, height)`."""
    file.seek(2)
    while True:
        marker, code, length = struct.unpack(">BBH", file.read(4))
        if marker != 0xFF:
            raise ValueError("is a damaged JPEG file")
        if code in JPEG_FRAMES:
            _, height, width = struct.unpack(">BHH", file.read(5))
            return width, height
        file.seek(length - 2, 1)
