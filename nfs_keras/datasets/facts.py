"""Facts about a dataset that a run records, and checks later."""

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Collection
from typing import Any

from nfs_keras.datasets.folder_dataset import FolderDataset
from nfs_keras.datasets.reader import Reader
from nfs_keras.datasets.sample import Sample


def fingerprint(reader: Reader) -> str:
    """Computes a short code of a dataset, equal for equal datasets.

    No image is opened.

    Args:
        reader: A reader of any dataset.

    Returns:
        16 hexadecimal digits that depend on every training and test sample:
        its path below the root, its identity, camera, modality and file size.
    """
    digest = hashlib.sha256()
    for sample in (*reader.train, *reader.test):
        path, size = place_and_size(reader, sample)
        digest.update(repr((path, *sample[1:], size)).encode())
    return digest.hexdigest()[:16]


def statistics(reader: Reader) -> dict[str, int]:
    """Counts people and images of the training and the test half."""
    counts = {}
    for half in ("train", "test"):
        samples = getattr(reader, half)
        counts[f"{half}_identities"] = len({s.identity for s in samples})
        for modality, count in Counter(s.modality for s in samples).items():
            counts[f"{half}_{modality}"] = count
    return counts


def trained_people(reader: Reader) -> list[str]:
    """Lists names of the training people, to check later who was trained on.

    A name depends on a person's image files (paths below the root, sizes),
    not on the split: a person has one name in all of RegDB's trials, and no
    two datasets share a name. Keep the list beside the network:
    `check_unseen` compares it with the people of a test.

    Args:
        reader: A reader of any dataset.

    Returns:
        Sorted list of 12 hexadecimal digits for each training identity.
    """
    return sorted(name_people(reader, reader.train).values())


def check_unseen(reader: Reader, trained: Collection[str]) -> None:
    """Raises an error if a network was trained on the test people.

    Args:
        reader: A reader. Its test people must be unseen.
        trained: The list that `trained_people` returned for the training set.

    Raises:
        ValueError: If a test person is among the trained ones.
    """
    names = name_people(reader, reader.test)
    learned = sorted(i for i, name in names.items() if name in set(trained))
    if learned:
        raise ValueError(
            "A network must be tested on people it was not trained on. "
            f"Received: {reader!r}, of whose {len(names)} test people "
            f"{len(learned)} were trained on, such as identities "
            f"{learned[:5]}. "
            "Test on the trial and the split that the network was trained on."
        )


def split_as_trained(
    reader: Reader, facts: dict[str, Any], trial: int | None = None
) -> Reader:
    """Splits a dataset as for a network's training, to test the network.

    Args:
        reader: A reader.
        facts: Facts about the training, `network.facts`. The options of a
            reader of the same name are taken; the table of a `FolderDataset`
            remains that of `reader`.
        trial: Another trial to test on, or `None`.

    Returns:
        A reader with these options.

    Raises:
        ValueError: If a test person was trained on, or `reader` has no
            trials to train on.
    """
    options = dict(facts.get("dataset", {}))
    if options.pop("name", None) == reader.name:
        if isinstance(reader, FolderDataset):
            options.pop("csv_file", None)
        reader = reader.replace(**options)
    if trial is not None:
        reader = reader.at_trial(trial)
    check_unseen(reader, facts.get("people", ()))
    return reader


def name_people(reader: Reader, samples: Collection[Sample]) -> dict[int, str]:
    """Names each identity by a hash of its image files."""
    files = defaultdict(list)
    for sample in sorted(samples):
        files[sample.identity].append(place_and_size(reader, sample))
    return {
        identity: hashlib.sha256(repr(entries).encode()).hexdigest()[:12]
        for identity, entries in files.items()
    }


def place_and_size(reader: Reader, sample: Sample) -> tuple[str, int]:
    """Returns the path below the root, and the size in bytes, of an image."""
    path = os.path.relpath(sample.path, reader.root)
    return path, os.path.getsize(sample.path)
