"""Files that are there whole or not at all."""

import contextlib
import os
import pathlib

PARTIAL = ".partial-"


@contextlib.contextmanager
def replace_path(path):
    """Gives a name to write a file under that then takes the place of `path`.

    A crash, an error or a full disk on the way leaves what was there before.

    Args:
        path: The file to replace or create; its folder is made if absent.

    Yields:
        `pathlib.Path` of the file to write, with the suffixes of `path`.
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
    """Opens a file to write that takes its place when all is written.

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
    """Removes what a killed process has left half-written below a folder."""
    for partial in pathlib.Path(folder).rglob(f"{PARTIAL}*"):
        partial.unlink()
