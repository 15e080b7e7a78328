"""What can be wrong with a dataset on disk: one function for each flaw.

Each returns a list of `Finding`s, empty if all is well.
"""

import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nfs_keras.datasets.finding import Finding
from nfs_keras.datasets.folders import IMAGE_SUFFIXES
from nfs_keras.datasets.image_faults import find_faults
from nfs_keras.datasets.reader import Reader
from nfs_keras.datasets.sample import Sample

# What lies beside the pictures by right.
COMPANIONS = (".csv", ".json", ".mat", ".md", ".txt")


def list_files(root: Path) -> list[Path]:
    """Lists all files below `root` that are not hidden, sorted."""
    files = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [Path(folder, n) for n in names if not n.startswith(".")]
    return sorted(files)


def find_one_sided(samples: Iterable[Sample]) -> list[Finding]:
    """Finds people whom only one modality saw."""
    modalities = defaultdict(set)
    for sample in samples:
        modalities[sample.identity].add(sample.modality)
    places = [
        f"identity {identity}: only {''.join(seen)}"
        for identity, seen in sorted(modalities.items())
        if len(seen) == 1
    ]
    flaw = "people have pictures in one modality only"
    return [Finding(True, flaw, places)] if places else []


def find_bad_images(
    root: Path,
    files: Iterable[Path],
    samples: Iterable[Sample],
    verbose: bool = False,
) -> list[Finding]:
    """Decodes the pictures that are listed or lie on disk.

    A bad one is an error if a split lists it, else a warning.
    """
    listed = {sample.path for sample in samples}
    images = {str(f) for f in files if f.suffix.lower() in IMAGE_SUFFIXES}
    faults = defaultdict(list)
    for fault in find_faults(sorted(listed | images), verbose):
        if fault is not None:
            is_error = fault.path in listed
            place = os.path.relpath(fault.path, root)
            faults[is_error, f"picture {fault.fault}"].append(place)
    return [Finding(*key, places) for key, places in faults.items()]


def find_misnamed(reader: Reader, files: Iterable[Path]) -> list[Finding]:
    """Finds files whose names the dataset's own files never have."""
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
    """Finds pictures that belong to no split."""
    listed = {sample.path for sample in samples}
    places = [
        str(file.relative_to(root))
        for file in files
        if file.suffix.lower() in IMAGE_SUFFIXES and str(file) not in listed
    ]
    return [Finding(False, "in no split", places)] if places else []


def find_duplicates(root: Path, files: Sequence[Path]) -> list[Finding]:
    """Finds pictures that repeat another's bytes."""
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
    """Sums up a file's bytes, or gives `None` if there are none to read."""
    try:
        contents = file.read_bytes()
    except OSError:
        return None
    return hashlib.blake2b(contents, digest_size=16).digest() or None
