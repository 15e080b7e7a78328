"""The one record that readers, samplers and evaluation exchange."""

from collections.abc import Iterable
from typing import NamedTuple


class Sample(NamedTuple):
    """Describes one image of one person.

    Samples compare as tuples, so that `sorted(samples)` orders them by path.

    Attributes:
        path: Where the image file lies.
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
