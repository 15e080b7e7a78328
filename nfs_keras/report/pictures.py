"""Pictures on disk, small enough to draw or to carry in a page."""

import base64
import pathlib

import cv2
import numpy as np

THUMBNAIL_HEIGHT = 128


def read_picture(path, root="", height=THUMBNAIL_HEIGHT):
    """Reads a picture and scales it down.

    Args:
        path: Path of an image file.
        root: Folder that `path` may be relative to.
        height: Int. Largest height in pixels; smaller pictures stay as
            they are.

    Returns:
        A uint8 RGB array `(h, w, 3)`, or `None` if there is no such picture.
    """
    places = (pathlib.Path(path), pathlib.Path(root, path))
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        return None
    # Decoded from memory: OpenCV cannot open every file name itself.
    content = np.fromfile(file, np.uint8)
    picture = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    if picture is None:
        return None
    picture = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
    scale = height / picture.shape[0]
    if scale >= 1:
        return picture
    size = (max(1, round(picture.shape[1] * scale)), height)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def picture_uri(picture) -> str:
    """Encodes a uint8 RGB picture as a `data:` address for a page."""
    pixels = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, content = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
