"""What the readers of all datasets have in common."""

import functools
from collections.abc import Collection
from pathlib import Path
from typing import Any, Self

from nfs_keras.datasets.sample import MODALITIES, Sample


class Reader:
    """Lists the samples of a dataset on disk; opens no image.

    A subclass implements `read_train`, `read_query` and `read_gallery`, and
    hands the options it was made with to this constructor.

    Attributes:
        name: The protocol's name, such as `"regdb"`.
        root: Folder of the dataset, a `Path`.
        options: What the reader was made with, `root` apart. (The option
            `query` is a modality, the attribute `query` a list of samples.)
        train: Samples to train on, sorted.
        query: Samples to search for, sorted.
        gallery: Samples to search among, sorted.
    """

    name = ""

    def __init__(self, root: str | Path, **options: Any) -> None:
        self.root = Path(root)
        self.options = options
        if not self.root.is_dir():
            raise ValueError(
                f"`{type(self).__name__}` needs the folder of its dataset. "
                f"Received: root={str(root)!r}, which is no folder. "
                "Give the folder into which the dataset was unpacked."
            )

    @functools.cached_property
    def train(self) -> list[Sample]:
        return sorted(self.read_train())

    @functools.cached_property
    def query(self) -> list[Sample]:
        return sorted(self.read_query())

    @functools.cached_property
    def gallery(self) -> list[Sample]:
        return sorted(self.read_gallery())

    def read_train(self) -> list[Sample]:
        raise NotImplementedError

    def read_query(self) -> list[Sample]:
        raise NotImplementedError

    def read_gallery(self) -> list[Sample]:
        raise NotImplementedError

    def replace(self, **options: Any) -> Self:
        """Makes a reader of the same folder with some options changed."""
        return type(self)(self.root, **{**self.options, **options})

    def describe(self) -> str:
        """Counts the people and pictures of each split, as a small table."""
        rows = [
            repr(self),
            f"{'':10}{'people':>8}{'visible':>10}{'infrared':>10}",
        ]
        for split in ("train", "query", "gallery"):
            samples = getattr(self, split)
            people = len({sample.identity for sample in samples})
            pictures = [count_modality(samples, m) for m in MODALITIES]
            rows.append(
                f"{split:10}{people:8,}{pictures[0]:10,}{pictures[1]:10,}"
            )
        return "\n".join(rows)

    def __repr__(self) -> str:
        options = [f"{name}={value!r}" for name, value in self.options.items()]
        arguments = ", ".join([repr(str(self.root)), *options])
        return f"{type(self).__name__}({arguments})"


def count_modality(samples: list[Sample], modality: str) -> int:
    """Counts the samples of one modality."""
    return sum(sample.modality == modality for sample in samples)


def check_option(name: str, value: Any, allowed: Collection) -> None:
    """Refuses an option's value that its protocol does not know."""
    if value not in allowed:
        choices = ", ".join(repr(choice) for choice in allowed)
        raise ValueError(
            f"`{name}` must be one of {choices}. "
            f"Received: {name}={value!r}. "
            "Pass one of these values."
        )


def check_disjoint(train: list[Sample], test: list[Sample], where: str) -> None:
    """Refuses people who are both trained and tested on."""
    people = {s.identity for s in train} & {s.identity for s in test}
    if people:
        raise ValueError(
            "No identity may be in both training and test. "
            f"Received: identities={sorted(people)[:5]} "
            f"({len(people)} in all) in both, in {where}. "
            "Restore the split files from the dataset's archive."
        )
