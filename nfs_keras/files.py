"""Files that are there whole or not at all."""

import contextlib
import os
import pathlib


@contextlib.contextmanager
def replace_file(path, mode="wb"):
    """Opens a file to write that takes its place when all is written.

    A crash, an error or a full disk on the way leaves what was there before.

    Args:
        path: The file to replace or create; its folder is made if absent.
        mode: `"w"` for text in UTF-8, `"wb"` for bytes.

    Yields:
        The open file.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    text = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
    try:
        with partial.open(mode, **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
