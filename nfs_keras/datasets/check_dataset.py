"""Examines a dataset on disk before anything is trained on it."""

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from nfs_keras.datasets.folders import IMAGE_SUFFIXES
from nfs_keras.datasets.image_faults import find_faults
from nfs_keras.datasets.open_dataset import open_dataset
from nfs_keras.datasets.reader import Reader
from nfs_keras.datasets.sample import Sample
from nfs_keras.evaluation.search import check_protocol

# Files that a dataset may contain beside its images.
COMPANIONS = (".csv", ".json", ".mat", ".md", ".txt")


class Finding(NamedTuple):
    """One kind of flaw in a dataset, and the places where it occurs.

    Attributes:
        is_error: Whether it prevents training.
        flaw: What is wrong.
        places: The files, people or messages that it concerns.
    """

    is_error: bool
    flaw: str
    places: list[str]


class DatasetReport(NamedTuple):
    """The results of `check_dataset`.

    Attributes:
        name: The dataset, or `"unknown"`.
        summary: The number of people and images, as a small table.
        findings: All flaws. An error prevents training, a warning does not.
    """

    name: str
    summary: str
    findings: list[Finding]

    @property
    def ok(self) -> bool:
        """Whether training may start."""
        return not any(finding.is_error for finding in self.findings)

    def __str__(self) -> str:
        lines = [self.summary, ""]
        for is_error, flaw, places in sorted(self.findings, reverse=True):
            word = "error" if is_error else "warning"
            lines.append(f"{word:8}{len(places):7,}  {flaw}")
            lines += [f"{'':17}{place}" for place in places[:3]]
            if len(places) > 3:
                lines.append(f"{'':17}... and {len(places) - 3:,} more")
        verdict = (
            "Training may start." if self.ok else "Training may not start."
        )
        return "\n".join([*lines, verdict])


def check_dataset(
    root: str | Path | Reader, verbose: bool = True
) -> DatasetReport:
    """Recognizes the dataset in a folder and lists its flaws.

    Every image is decoded once, in parallel.

    Args:
        root: Folder of a dataset that `open_dataset` knows, or a reader.
        verbose: Whether to show a progress bar.

    Returns:
        A `DatasetReport`. Print it for a table; its `ok` is true if training
        may start.
    """
    try:
        reader = root if isinstance(root, Reader) else open_dataset(root)
    except ValueError as error:
        findings = [Finding(True, "no dataset is known here", [str(error)])]
        return DatasetReport("unknown", f"{root}: no dataset", findings)
    samples, summary, faults = read_splits(reader)
    files = list_files(reader.root)
    findings = [
        *find_unusable(reader, faults),
        *find_one_sided(samples),
        *find_bad_images(reader.root, files, samples, verbose),
        *find_misnamed(reader, files),
        *find_unused(reader.root, files, samples),
        *find_duplicates(reader.root, files),
    ]
    return DatasetReport(reader.name, summary, findings)


def read_splits(reader: Reader) -> tuple[list[Sample], str, list[str]]:
    """Reads every split.

    Returns:
        All samples, the counts of the first split that can be read, and the
        errors about the others.
    """
    samples, summary, faults = set(), "", []
    for split in reader.splits():
        try:
            samples.update(split.train, split.test)
            summary = summary or split.describe()
        except ValueError as error:
            faults.append(str(error))
    return sorted(samples), summary or repr(reader), faults


def find_unusable(reader: Reader, faults: list[str]) -> list[Finding]:
    """Finds splits that cannot be read, or that the protocol cannot score."""
    if faults:
        return [Finding(True, "splits cannot be used", faults)]
    try:
        check_protocol(reader)
    except ValueError as error:
        return [Finding(True, "the protocol cannot score it", [str(error)])]
    return []


def list_files(root: Path) -> list[Path]:
    """Lists all files below `root` that are not hidden, sorted."""
    files = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [Path(folder, n) for n in names if not n.startswith(".")]
    return sorted(files)


def find_one_sided(samples: Iterable[Sample]) -> list[Finding]:
    """Finds people who have images in one modality only."""
    modalities = defaultdict(set)
    for sample in samples:
        modalities[sample.identity].add(sample.modality)
    places = [
        f"identity {identity}: only {''.join(seen)}"
        for identity, seen in sorted(modalities.items())
        if len(seen) == 1
    ]
    flaw = "people have images in one modality only"
    return [Finding(True, flaw, places)] if places else []


def find_bad_images(
    root: Path,
    files: Iterable[Path],
    samples: Iterable[Sample],
    verbose: bool = False,
) -> list[Finding]:
    """Decodes the images that are listed or lie on disk.

    A bad one is an error if a split lists it, else a warning.
    """
    listed = {sample.path for sample in samples}
    images = {str(f) for f in files if f.suffix.lower() in IMAGE_SUFFIXES}
    faults = defaultdict(list)
    for fault in find_faults(sorted(listed | images), verbose):
        if fault is not None:
            is_error = fault.path in listed
            place = os.path.relpath(fault.path, root)
            faults[is_error, f"image {fault.fault}"].append(place)
    return [Finding(*key, places) for key, places in faults.items()]


def find_misnamed(reader: Reader, files: Iterable[Path]) -> list[Finding]:
    """Finds files whose names do not follow the dataset's pattern."""
    places = []
    for file in files:
        place = file.relative_to(reader.root).as_posix()
        if file.suffix.lower() in COMPANIONS:
            continue
        image = file.suffix.lower() in IMAGE_SUFFIXES
        if not image or not re.fullmatch(reader.file_pattern, place):
            places.append(place)
    return [Finding(False, "wrongly named", places)] if places else []


def find_unused(
    root: Path, files: Iterable[Path], samples: Iterable[Sample]
) -> list[Finding]:
    """Finds images that belong to no split."""
    listed = {sample.path for sample in samples}
    places = [
        str(file.relative_to(root))
        for file in files
        if file.suffix.lower() in IMAGE_SUFFIXES and str(file) not in listed
    ]
    return [Finding(False, "in no split", places)] if places else []


def find_duplicates(root: Path, files: Sequence[Path]) -> list[Finding]:
    """Finds images that repeat another's bytes."""
    images = [f for f in files if f.suffix.lower() in IMAGE_SUFFIXES]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        digests = list(pool.map(digest, images))
    first, places = {}, []
    for file, key in zip(images, digests, strict=True):
        original = first.setdefault(key, file)
        if key is not None and original is not file:
            pair = file.relative_to(root), original.relative_to(root)
            places.append("{} = {}".format(*pair))
    return [Finding(False, "the same bytes twice", places)] if places else []


def digest(file: Path) -> bytes | None:
    """Hashes a file's bytes, or returns `None` if it has none to read."""
    try:
        contents = file.read_bytes()
    except OSError:
        return None
    return hashlib.blake2b(contents, digest_size=16).digest() or None
