"""Reads the text files that assign images to splits.

Two formats serve all benchmarks: lines of `path label`, and one line of
comma-separated identities. Every error names the file and the line.
"""

from collections.abc import Hashable, Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple


class Row(NamedTuple):
    """One line of a split file."""

    path: PurePosixPath  # relative to the dataset's root
    label: int
    where: str  # file and line, for errors


def read_rows(file: Path) -> list[Row]:
    """Reads lines such as `Visible/285/male_back_v_05528_285.bmp 0`.

    Raises:
        ValueError: The file is missing, empty or not text; a line has no
            label; a path leaves the dataset's root, or occurs twice.
    """
    rows = []
    for where, line in read_lines(file):
        path, _, label = line.rpartition(" ")
        if not path.strip() or not is_number(label):
            raise ValueError(
                "A line must hold a path, one space and a label. "
                f"Received: {line!r} in {where}. "
                "Restore the file from the dataset's archive."
            )
        rows.append(Row(relative_path(path, where), int(label), where))
    check_unique((row.path, row.where) for row in rows)
    return rows


def read_identities(file: Path) -> list[int]:
    """Reads comma-separated identities, and sorts them.

    Raises:
        ValueError: The file is missing, empty or not text; an entry is no
            number, or occurs twice.
    """
    identities = []
    for where, line in read_lines(file):
        for entry in line.strip(",").split(","):
            if not is_number(entry.strip()):
                raise ValueError(
                    "Identities must be numbers with commas between them. "
                    f"Received: {entry!r} in {where}. "
                    "Restore the file from the dataset's archive."
                )
            identities.append((int(entry), where))
    check_unique(identities)
    return sorted(identity for identity, _ in identities)


def read_lines(file: Path) -> list[tuple[str, str]]:
    """Reads the lines that are not blank, as `(place, line)` pairs."""
    try:
        # Spreadsheets begin a file with a byte-order mark.
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ValueError(
            "The dataset's split files must lie beside its images. "
            f"Received: file={str(file)!r}, which does not exist. "
            "Check that `root` is the dataset's own folder, and copy the "
            "missing file from the dataset's archive."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            "The dataset's split files must be readable text. "
            f"Received: file={str(file)!r}: {error}. "
            "Check its permissions, or restore it from the archive."
        ) from None
    lines = [
        (f"{file}, line {number}", line.strip())
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip()
    ]
    if not lines:
        raise ValueError(
            "The dataset's split files must not be empty. "
            f"Received: file={str(file)!r}, which holds nothing. "
            "Restore it from the dataset's archive."
        )
    return lines


def is_number(text: str) -> bool:
    """Returns whether text is a plain decimal number."""
    return text.isascii() and text.isdecimal()


def relative_path(text: str, where: str) -> PurePosixPath:
    """Turns text into a path that stays below the dataset's root."""
    path = PurePosixPath(text.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in text:
        raise ValueError(
            "A path must stay inside the dataset's folder. "
            f"Received: {text!r} in {where}. "
            "Use paths relative to the root, without `..`."
        )
    return path


def check_unique(entries: Iterable[tuple[Hashable, str]]) -> None:
    """Raises `ValueError` if a split file names something twice."""
    places = {}
    for value, where in entries:
        if value in places:
            raise ValueError(
                "A split file must name everything once. "
                f"Received: {str(value)!r} in {places[value]} and again in "
                f"{where}. Delete the repeated entry."
            )
        places[value] = where
