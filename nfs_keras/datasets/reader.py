"""What the readers of all datasets have in common."""

import functools
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, Self

from nfs_keras.datasets.sample import MODALITIES, Sample
from nfs_keras.synthetic.tree import RECIPE_FILE


class Reader:
    """Lists the samples of a dataset on disk; opens no image.

    A subclass implements `read_train` and `read_test`; it overrides
    `read_query` and `read_gallery` if its protocol does not search all test
    samples of one modality among all of the other. It hands its options to
    this constructor.

    Attributes:
        name: The protocol's name, such as `"regdb"`.
        root: Folder of the dataset, a `Path`.
        options: What the reader was made with, `root` apart. (The option
            `query` names a modality, the attribute `query` lists samples.)
        train: Samples to train on, sorted.
        test: All samples of the people who are tested on, sorted.
        query: Samples to search for, sorted.
        gallery: Samples to search among, sorted.
    """

    name = ""
    file_pattern = ".*"  # of a picture's path below the root

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
        train = self.read_train()
        check_disjoint(train, self.test, repr(self))
        return sorted(train)

    @functools.cached_property
    def test(self) -> list[Sample]:
        return sorted(self.read_test())

    @functools.cached_property
    def query(self) -> list[Sample]:
        return sorted(self.read_query())

    @functools.cached_property
    def gallery(self) -> list[Sample]:
        return sorted(self.read_gallery())

    def read_train(self) -> list[Sample]:
        raise NotImplementedError

    def read_test(self) -> list[Sample]:
        raise NotImplementedError

    def read_query(self) -> list[Sample]:
        query = self.options["query"]
        return [s for s in self.test if s.modality == query]

    def read_gallery(self) -> list[Sample]:
        query = self.options["query"]
        return [s for s in self.test if s.modality != query]

    def replace(self, **options: Any) -> Self:
        """Makes a reader of the same folder with some options changed."""
        return type(self)(self.root, **{**self.options, **options})

    @property
    def synthetic(self) -> bool:
        """Whether the pictures are drawn: scores are not the dataset's."""
        return (self.root / RECIPE_FILE).exists()

    @property
    def published(self) -> dict[str, tuple[int, int, int]]:
        """What the dataset's authors count: people, visible, infrared."""
        return {}

    def describe(self) -> str:
        """Counts the people and pictures of each split, as a small table."""
        rows = [f"{'':8}{'people':>8}{'visible':>10}{'infrared':>10}"]
        for split in ("train", "query", "gallery"):
            counts = count_samples(getattr(self, split))
            cells = "{:8,}{:10,}{:10,}".format(*counts)
            published = self.published.get(split, counts)
            remark = "  (published: {:,}, {:,}, {:,})".format(*published)
            same = published == counts
            rows.append(f"{split:8}{cells}{'' if same else remark}")
        return "\n".join([repr(self), *rows])

    def __repr__(self) -> str:
        options = [f"{name}={value!r}" for name, value in self.options.items()]
        arguments = ", ".join([repr(str(self.root)), *options])
        return f"{type(self).__name__}({arguments})"


def count_samples(samples: Iterable[Sample]) -> tuple[int, int, int]:
    """Counts people, visible pictures and infrared pictures."""
    people = {sample.identity for sample in samples}
    pictures = Counter(sample.modality for sample in samples)
    return len(people), *(pictures[modality] for modality in MODALITIES)


def check_option(name: str, value: Any, allowed: Collection) -> None:
    """Refuses an option's value that its protocol does not know."""
    if value not in allowed:
        choices = ", ".join(repr(choice) for choice in allowed)
        raise ValueError(
            f"`{name}` must be one of {choices}. "
            f"Received: {name}={value!r}. "
            "Pass one of these values."
        )


def check_disjoint(
    train: Iterable[Sample], test: Iterable[Sample], where: str
) -> None:
    """Refuses people who are both trained and tested on."""
    people = {s.identity for s in train} & {s.identity for s in test}
    if people:
        raise ValueError(
            "No identity may be in both training and test. "
            f"Received: identities={sorted(people)[:5]} "
            f"({len(people)} in all) in both halves of {where}. "
            "Restore the split files from the dataset's archive."
        )
