"""Writes files whole or not at all, by one process, and checks others."""

import contextlib
import fcntl
import os
import pathlib
import zipfile

PARTIAL = ".partial-"
LOCK = ".lock"


@contextlib.contextmanager
def replace_path(path):
    """Replaces a file only after the new one is completely written.

    A crash, an error or a full disk leaves the old file unchanged.

    Args:
        path: The file to replace or create; its folder is made if absent.

    Yields:
        `pathlib.Path` of a temporary file to write, with the suffixes of
        `path`.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{PARTIAL}{path.name}")
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def replace_file(path, mode="wb"):
    """Opens a file for writing, which replaces the old one when it closes.

    Args:
        path: As for `replace_path`.
        mode: `"w"` for text in UTF-8, `"wb"` for bytes.

    Yields:
        The open file.
    """
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
    with replace_path(path) as partial, partial.open(mode, **text) as file:
        yield file


def remove_partial_files(folder):
    """Removes the incomplete files of a killed process below a folder."""
    for partial in pathlib.Path(folder).rglob(f"{PARTIAL}*"):
        partial.unlink()


def lock(folder):
    """Locks a folder until the returned file is closed or the process ends.

    Raises:
        ValueError: If another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / LOCK).open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise ValueError(
            "Only one process at a time may write a folder. "
            f"Received: output={str(folder)!r}, in use by another process. "
            "Wait for it, stop it, or name another folder."
        ) from error
    return file


def check_bytes(images):
    """Lists image files; anything else than `bytes` raises `ValueError`."""
    one = isinstance(images, bytes | str | os.PathLike)
    images = [images] if one else list(images)
    if one or not all(isinstance(image, bytes) for image in images):
        types = sorted({type(image).__name__ for image in images})
        raise ValueError(
            "`images` must be a list of the contents of image files, `bytes`. "
            f"Received: {'no list, ' if one else ''}types={types}. "
            "Read a file with `pathlib.Path(path).read_bytes()`."
        )
    return images


def check_keras_file(path):
    """Raises `ValueError` unless a path is that of a `.keras` file.

    Keras says of any other file that it was not found.
    """
    if not zipfile.is_zipfile(path):
        is_there = pathlib.Path(path).exists()
        raise ValueError(
            "A network is loaded from a .keras file, as Keras saves it. "
            f"Received: path={path}, which "
            f"{'is no such file' if is_there else 'does not exist'}. "
            "Pass model.keras or another network of a run's folder."
        )
