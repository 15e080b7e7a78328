"""The error about a picture that cannot be used."""

from pathlib import Path

# 4096 x 4096: no picture of one person is larger, and many a bomb is.
MAX_PIXELS = 2**24


class BadImage(ValueError):
    """Says which picture cannot be used, and why.

    Args:
        path: The file.
        fault: What is wrong with it, to be read after "which".
    """

    def __init__(self, path: str | Path, fault: str) -> None:
        self.path = path
        self.fault = fault
        super().__init__(
            "Every picture must be a whole BMP, PNG, JPEG or GIF file of at "
            f"most {MAX_PIXELS:,} pixels. "
            f"Received: path={str(path)!r}, which {fault}. "
            "Restore it from the dataset's archive, or leave it out."
        )
