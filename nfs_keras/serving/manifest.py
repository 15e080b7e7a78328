"""A list of checksums, to verify that a model is complete and unchanged."""

import hashlib
import pathlib

MANIFEST = "manifest.sha256"


def write_manifest(directory) -> pathlib.Path:
    """Writes the SHA-256 of every file below `directory`.

    The command `sha256sum --check manifest.sha256` can read the file.

    Args:
        directory: A model version, such as `saved_model/1`.

    Returns:
        Path of the manifest, `directory/manifest.sha256`.
    """
    root = pathlib.Path(directory)
    manifest = root / MANIFEST
    lines = [f"{checksum(root / name)}  {name}\n" for name in files(root)]
    manifest.write_text("".join(lines), encoding="utf-8")
    return manifest


def verify_manifest(directory) -> None:
    """Checks every file below `directory` against the manifest.

    Args:
        directory: A model version, such as `saved_model/1`.

    Raises:
        ValueError: If there is no manifest, or a file is missing, was changed
            or is not listed.
    """
    root = pathlib.Path(directory)
    manifest = root / MANIFEST
    if not manifest.is_file():
        raise ValueError(
            "A model needs a manifest to be verified. "
            f"Received: directory={str(root)!r}, which has no {MANIFEST}. "
            "Name a version that `export_saved_model` wrote."
        )
    lines = manifest.read_text(encoding="utf-8").splitlines()
    expected = {name: digest for digest, name in map(split, lines)}
    found = {name: checksum(root / name) for name in files(root)}
    wrong = sorted(dict(expected.items() ^ found.items()))
    if wrong:
        raise ValueError(
            "Every file of a model must be unchanged since the export. "
            f"Received: directory={str(root)!r}, in which these are missing, "
            f"changed or not listed: {', '.join(wrong)}. "
            "Copy the model again, or export it again."
        )


def split(line: str) -> list[str]:
    """Splits a line into digest and file name, which may contain spaces."""
    return line.split("  ", 1)


def files(root: pathlib.Path) -> list[str]:
    """Lists the files below `root` except its manifest, in a fixed order."""
    paths = (p for p in root.rglob("*") if p.is_file())
    names = sorted(p.relative_to(root).as_posix() for p in paths)
    return [name for name in names if name != MANIFEST]


def checksum(path: pathlib.Path) -> str:
    """Hashes one file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
