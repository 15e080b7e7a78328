"""Reads the text files that say which image belongs to which split.

Two formats serve all benchmarks: lines of `path label`, and one line of
comma-separated identities. Every error names the file and the line.
"""

from pathlib import Path, PurePosixPath


def read_labelled_paths(
    file: Path, root: Path
) -> list[tuple[PurePosixPath, int]]:
    """Reads lines such as `Visible/285/male_back_v_05528_285.bmp 0`.

    Args:
        file: The text file.
        root: Folder that the paths are relative to.

    Returns:
        Pairs of relative path and label, in the order of the file.

    Raises:
        ValueError: The file is missing, empty or not text; a line has no
            label; a path leaves `root`, or occurs twice.
    """
    rows = []
    for number, line in enumerate(read_lines(file), start=1):
        where = f"{file}, line {number}"
        path, _, label = line.rpartition(" ")
        if not path or not label.isdecimal() or not label.isascii():
            raise ValueError(
                "A line must hold a path, one space and a label. "
                f"Received: {line!r} in {where}. "
                "Restore the file from the dataset's archive."
            )
        rows.append((relative_path(path, where), int(label)))
    check_unique([path for path, _ in rows], file)
    return rows


def read_identities(file: Path) -> list[int]:
    """Reads one line of comma-separated identities, and sorts them.

    Raises:
        ValueError: The file is missing, empty or not text; an entry is no
            number, or occurs twice.
    """
    lines = read_lines(file)
    entries = [entry.strip() for entry in ",".join(lines).split(",")]
    entries = [entry for entry in entries if entry]
    for entry in entries:
        if not entry.isdecimal() or not entry.isascii():
            raise ValueError(
                "Identities must be numbers with commas between them. "
                f"Received: {entry!r} in {file}, line 1. "
                "Restore the file from the dataset's archive."
            )
    check_unique([int(entry) for entry in entries], file)
    return sorted(int(entry) for entry in entries)


def read_lines(file: Path) -> list[str]:
    """Reads the non-empty lines of a text file."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise missing_file(file) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(
            "The dataset's split files must be readable text. "
            f"Received: file={str(file)!r}: {error}. "
            "Check its permissions, or restore it from the archive."
        ) from None
    lines = [line.strip() for line in lines]
    if not any(lines):
        raise ValueError(
            "The dataset's split files must not be empty. "
            f"Received: file={str(file)!r}, which holds nothing. "
            "Restore it from the dataset's archive."
        )
    return [line for line in lines if line]


def missing_file(file: Path) -> ValueError:
    """Says that a split file is not there."""
    return ValueError(
        "The dataset's split files must lie beside its images. "
        f"Received: file={str(file)!r}, which does not exist. "
        "Check that `root` is the dataset's own folder, and copy the missing "
        "file from the dataset's archive."
    )


def relative_path(path: str, where: str) -> PurePosixPath:
    """Turns text into a path that stays below the dataset's root."""
    parsed = PurePosixPath(path.replace("\\", "/"))
    if parsed.is_absolute() or ".." in parsed.parts:
        raise ValueError(
            "A path must stay inside the dataset's folder. "
            f"Received: {path!r} in {where}. "
            "Use paths relative to the root, without `..`."
        )
    return parsed


def check_unique(values: list, file: Path) -> None:
    """Refuses a file that names something twice."""
    seen = set()
    for value in values:
        if value in seen:
            raise ValueError(
                "A split file must name everything once. "
                f"Received: {str(value)!r} twice in {file}. "
                "Delete the repeated entry."
            )
        seen.add(value)
