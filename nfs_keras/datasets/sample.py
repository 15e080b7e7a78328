"""The record of one image that readers, samplers and evaluation share."""

from collections import Counter
from collections.abc import Iterable
from numbers import Integral
from typing import NamedTuple

from nfs_keras.modalities import MODALITIES


class Sample(NamedTuple):
    """Describes one image of one person.

    Samples compare as tuples, so that `sorted(samples)` orders them by path.

    Attributes:
        path: Path of the image file.
        identity: Who is seen: the number that the dataset itself uses, equal
            in both modalities. For 0-based class labels see
            `identity_labels`.
        camera: Which camera saw it: the number that the dataset itself uses.
        modality: `"visible"` or `"infrared"`.
    """

    path: str
    identity: int
    camera: int
    modality: str


def identity_labels(samples: Iterable[Sample]) -> dict[int, int]:
    """Numbers the identities of `samples` 0, 1, 2... in ascending order."""
    identities = sorted({sample.identity for sample in samples})
    return {identity: label for label, identity in enumerate(identities)}


def count_samples(samples: Iterable[Sample]) -> tuple[int, int, int]:
    """Counts people, visible images and infrared images."""
    people = {sample.identity for sample in samples}
    images = Counter(sample.modality for sample in samples)
    return len(people), *(images[modality] for modality in MODALITIES)


def check_samples(samples: Iterable[Sample], where: str) -> list[Sample]:
    """Returns the samples sorted; an invalid one raises `ValueError`."""
    for sample in samples:
        numbers = (sample.identity, sample.camera)
        is_valid = all(isinstance(x, Integral) for x in numbers)
        if not is_valid or sample.modality not in MODALITIES:
            raise ValueError(
                "A sample has an int as identity and as camera, and one of "
                f"{MODALITIES} as modality. "
                f"Received: {sample!r} of {where}. "
                "Number people by their place in a sorted list of names."
            )
    return sorted(samples)


def check_disjoint(
    train: Iterable[Sample], test: Iterable[Sample], where: str
) -> None:
    """Raises `ValueError` if a person is in both training and test."""
    people = {s.identity for s in train} & {s.identity for s in test}
    if people:
        raise ValueError(
            "No identity may be in both training and test. "
            f"Received: identities={sorted(people)[:5]} "
            f"({len(people)} in all) in both halves of {where}. "
            "Restore the split files from the dataset's archive."
        )
