"""Examines a dataset on disk before anything is trained on it."""

from pathlib import Path

from nfs_keras.datasets.dataset_flaws import (
    find_bad_images,
    find_duplicates,
    find_misnamed,
    find_one_sided,
    find_unused,
    list_files,
)
from nfs_keras.datasets.dataset_report import DatasetReport
from nfs_keras.datasets.finding import Finding
from nfs_keras.datasets.open_dataset import open_dataset
from nfs_keras.datasets.reader import Reader
from nfs_keras.datasets.sample import MODALITIES, Sample

# Options that together read every split of a protocol.
VARIANTS = {
    "regdb": [{"trial": trial} for trial in range(1, 11)],
    "sysu_mm01": [{"mode": mode} for mode in ("all", "indoor")],
    "llcm": [{"query": modality} for modality in MODALITIES],
    "folder": [{}],
}


def check_dataset(
    root: str | Path | Reader, verbose: bool = True
) -> DatasetReport:
    """Tells which dataset lies in a folder and what is wrong with it.

    Every picture is decoded once, in parallel.

    Args:
        root: Folder of a dataset that `open_dataset` knows, or a reader.
        verbose: Whether to show a progress bar.

    Returns:
        A `DatasetReport`. Print it for a table; its `ok` tells whether
        training may start.
    """
    try:
        reader = root if isinstance(root, Reader) else open_dataset(root)
    except ValueError as error:
        finding = Finding(True, "no dataset is known here", [str(error)])
        return DatasetReport("unknown", f"{root}: no dataset", [finding])
    samples, summary, faults = read_variants(reader)
    files = list_files(reader.root)
    findings = [
        *([Finding(True, "splits cannot be used", faults)] if faults else []),
        *find_one_sided(samples),
        *find_bad_images(reader.root, files, samples, verbose),
        *find_misnamed(reader, files),
        *find_unused(reader.root, files, samples),
        *find_duplicates(reader.root, files),
    ]
    return DatasetReport(reader.name, summary, findings)


def read_variants(reader: Reader) -> tuple[list[Sample], str, list[str]]:
    """Reads every split.

    Returns:
        All samples, the counts of the first options that can be read, and
        the errors about the others.
    """
    samples, summary, faults = set(), "", []
    for options in VARIANTS[reader.name]:
        variant = reader.replace(**options)
        try:
            samples.update(variant.train, variant.test)
            summary = summary or variant.describe()
        except ValueError as error:
            faults.append(str(error))
    return sorted(samples), summary or repr(reader), faults
