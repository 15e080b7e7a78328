"""The base class of the readers of all datasets."""

import functools
import inspect
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from nfs_keras.datasets.sample import (
    Sample,
    check_disjoint,
    check_samples,
    count_samples,
)
from nfs_keras.datasets.splits import split_by_identity
from nfs_keras.evaluation.protocol import RANKS, REGDB, Protocol
from nfs_keras.evaluation.search import Search
from nfs_keras.modalities import MODALITIES
from nfs_keras.synthetic.tree import RECIPE_FILE
from nfs_keras.text_tables import format_table


class Reader:
    """Base class of readers, which list the samples of a dataset on disk.

    It opens no image. A subclass implements `read_train` and `read_test`, and
    passes its options to this constructor. By default all test images of one
    modality are searched for among all of the other, in both directions;
    override `protocol` for camera rules, `searches` for other ranking tasks.

    Attributes:
        name: Name of the dataset in files, such as `"regdb"`. Defaults to the
            name of the class, and so does `title`.
        title: Name of the dataset in tables, such as `"RegDB"`.
        landmarks: Folders by which `open_dataset` recognizes it.
        protocol: `nfs_keras.evaluation.Protocol` of its searches.
        ranks: Ranks to report.
        trials: Trials with a training set each, which need a network each, as
            in RegDB; else empty.
        trial: The trial that this reader reads.
        root: Folder of the dataset, a `Path`.
        options: Arguments of the reader, without `root`. (The option
            `query` names a modality, the attribute `query` lists samples.)
        train: Samples to train on, sorted.
        test: All samples of the people who are tested on, sorted.
        query: Samples to search for, sorted.
        gallery: Samples to search among, sorted.

    Example:

    ```python
    class Corridor(Reader):
        def read_train(self):
            return [Sample(...), ...]  # path, identity, camera, modality

        def read_test(self):
            return [Sample(...), ...]

    check_dataset(Corridor("data/corridor"))
    ```
    """

    landmarks: tuple[str, ...] = ()
    file_pattern = ".*"  # of an image's path below the root
    protocol: Protocol = REGDB
    ranks: tuple[int, ...] = RANKS
    trials: Sequence[int] = ()
    trial = 1

    def __init__(self, root: str | Path, **options: Any) -> None:
        self.root = Path(root)
        self.options = options
        if "trial" in options:
            self.trial = options["trial"]
        if not self.root.is_dir():
            raise ValueError(
                f"`{type(self).__name__}` needs the folder of its dataset. "
                f"Received: root={str(root)!r}, which is no folder. "
                "Give the folder into which the dataset was unpacked."
            )

    @property
    def name(self) -> str:
        return type(self).__name__

    @property
    def title(self) -> str:
        return type(self).__name__

    @functools.cached_property
    def train(self) -> list[Sample]:
        train = check_samples(self.read_train(), repr(self))
        check_disjoint(train, self.test, repr(self))
        return train

    @functools.cached_property
    def test(self) -> list[Sample]:
        return check_samples(self.read_test(), repr(self))

    @functools.cached_property
    def query(self) -> list[Sample]:
        return sorted(self.read_query())

    @functools.cached_property
    def gallery(self) -> list[Sample]:
        return sorted(self.read_gallery())

    def read_train(self) -> list[Sample]:
        raise missing_method(self, "read_train")

    def read_test(self) -> list[Sample]:
        raise missing_method(self, "read_test")

    def read_query(self) -> list[Sample]:
        query = self.options.get("query", "visible")
        return [s for s in self.test if s.modality == query]

    def read_gallery(self) -> list[Sample]:
        query = self.options.get("query", "visible")
        return [s for s in self.test if s.modality != query]

    def searches(
        self,
        queries: Sequence[str] = MODALITIES,
        trials: Iterable[int] | None = None,
    ) -> list[Search]:
        """Lists the ranking tasks that make up the protocol.

        Args:
            queries: Modalities to search for, a row of the table each.
            trials: Trials to test on. Defaults to this reader's own.
        """
        readers = [self]
        if trials is not None:
            readers = [self.at_trial(trial) for trial in trials]
        return [
            search
            for reader in readers
            for search in reader.both_directions(reader.test, queries)
        ]

    def both_directions(
        self, samples: Iterable[Sample], queries: Sequence[str] = MODALITIES
    ) -> list[Search]:
        """Searches for all of one modality among all of the other.

        Args:
            samples: Samples of both modalities: the test samples, or some
                that were held out of training to calibrate on.
            queries: Modalities to search for.
        """
        sides = {m: [s for s in samples if s.modality == m] for m in MODALITIES}
        searches = []
        for query in queries:
            check_option("query", query, MODALITIES)
            (gallery,) = set(MODALITIES) - {query}
            searches.append(
                Search(
                    f"{query} to {gallery}",
                    f"{query}_to_{gallery}",
                    sides[query],
                    sides[gallery],
                    self.protocol.directed(query),
                    self.trial,
                )
            )
        return searches

    def hold_out(
        self, fraction: float = 0.1, seed: int = 0
    ) -> tuple[list[Sample], list[Sample]]:
        """Holds out some training people, to calibrate on.

        Args:
            fraction: Share of the training identities; at least two are held
                out.
            seed: Non-negative int. Chooses who.

        Returns:
            `(train, held_out)`, lists of samples.

        Raises:
            ValueError: If there are fewer than four people.
        """
        count = len({sample.identity for sample in self.train})
        if count < 4:
            raise ValueError(
                "At least two people train and two are held out. "
                f"Received: {count} training identities in {self!r}. "
                "Add people, or calibrate on another dataset."
            )
        return split_by_identity(self.train, max(fraction, 2 / count), seed)

    def splits(self) -> list[Self]:
        """Lists readers that together read every file of the dataset."""
        return [self.replace(trial=trial) for trial in self.trials] or [self]

    def replace(self, **options: Any) -> Self:
        """Makes a reader of the same folder with some options changed."""
        check_options(type(self), options)
        return type(self)(self.root, **{**self.options, **options})

    def at_trial(self, trial: int) -> Self:
        """Makes a reader of one of the `trials`, each with a training set."""
        if not self.trials:
            raise ValueError(
                "Only a dataset with a training set for each trial has one to "
                f"choose. Received: trial={trial!r} for {self!r}. "
                "Leave the trial out: every training is the same, and an "
                "evaluation averages over sampled galleries by itself."
            )
        check_option("trial", trial, self.trials)
        return self.replace(trial=trial)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes below the table of scores, needed to compare its numbers."""
        return ()

    @property
    def synthetic(self) -> bool:
        """Whether the images are synthetic, not the dataset's own."""
        return (self.root / RECIPE_FILE).exists()

    @property
    def published(self) -> dict[str, tuple[int, int, int]]:
        """Published counts of each split: people, visible, infrared images."""
        return {}

    def describe(self) -> str:
        """Counts the people and images of each split, as a small table."""
        rows = [("", "people", *MODALITIES, "")]
        for split in ("train", "query", "gallery"):
            counts = count_samples(getattr(self, split))
            published = self.published.get(split, counts)
            remark = "(published: {:,}, {:,}, {:,})".format(*published)
            cells = (f"{count:,}" for count in counts)
            rows.append((split, *cells, remark if published != counts else ""))
        return f"{self!r}\n{format_table(rows)}"

    def __repr__(self) -> str:
        options = [f"{name}={value!r}" for name, value in self.options.items()]
        arguments = ", ".join([repr(str(self.root)), *options])
        return f"{type(self).__name__}({arguments})"


def missing_method(reader: Reader, name: str) -> ValueError:
    return ValueError(
        "A reader lists its samples in `read_train` and `read_test`. "
        f"Received: {reader!r} without `{name}`. "
        "Add the method; it returns a list of `Sample`."
    )


def check_option(name: str, value: Any, allowed: Collection) -> None:
    """Raises `ValueError` unless the value of an option is allowed."""
    if value not in allowed:
        choices = ", ".join(repr(choice) for choice in allowed)
        raise ValueError(
            f"`{name}` must be one of {choices}. "
            f"Received: {name}={value!r}. "
            "Pass one of these values."
        )


def check_options(reader: type[Reader], options: dict[str, Any]) -> None:
    """Raises `ValueError` for options that a reader does not have."""
    _, *parameters = inspect.signature(reader).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return
    known = [parameter.name for parameter in parameters]
    unknown = {k: v for k, v in options.items() if k not in known}
    if unknown:
        given = ", ".join(f"{name}={v!r}" for name, v in unknown.items())
        raise ValueError(
            f"`{reader.__name__}` has the options {', '.join(known) or 'none'}."
            f" Received: {given}. "
            "Leave out what it does not have."
        )
