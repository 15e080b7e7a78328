"""Reads a picture's size from the first bytes of its file.

A file of a few kilobytes can unpack into gigabytes of pixels, so sizes are
judged before anything is decoded. What the headers let pass, the decoder of
`images.py` understands.
"""

import struct
from pathlib import Path
from typing import BinaryIO

from nfs_keras.datasets.bad_image import MAX_PIXELS, BadImage

JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def check_header(path: str | Path) -> tuple[int, int]:
    """Reads the height and the width of a picture, if it may be decoded.

    Args:
        path: A BMP, PNG, JPEG or GIF file.

    Raises:
        BadImage: The file is missing, unreadable, empty, no such picture, or
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
        raise BadImage(path, "breaks off in its header") from None
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
        raise ValueError("is no picture in one of these formats")
    return height, width


def read_bmp_size(head: bytes, file: BinaryIO) -> tuple[int, int]:
    """Reads `(width, height)`, and refuses palettes that are not grey."""
    header_size, width, height = struct.unpack("<Iii", head[14:26])
    (depth,) = struct.unpack("<H", head[28:30])
    if depth not in (8, 24, 32):
        raise ValueError(f"is a BMP of {depth} bits per pixel, not 8 or more")
    if depth == 8:
        # The decoder takes palette indices for grey levels.
        file.seek(14 + header_size)
        palette = file.read(1024)
        greys = bytes(range(256))
        if any(palette[channel::4] != greys for channel in range(3)):
            raise ValueError("is a BMP with a palette of colours")
    return abs(width), abs(height)


def read_jpeg_size(file: BinaryIO) -> tuple[int, int]:
    """Walks from segment to segment until one tells `(width, height)`."""
    file.seek(2)
    while True:
        marker, code, length = struct.unpack(">BBH", file.read(4))
        if marker != 0xFF:
            raise ValueError("is a damaged JPEG file")
        if code in JPEG_FRAMES:
            _, height, width = struct.unpack(">BHH", file.read(5))
            return width, height
        file.seek(length - 2, 1)
