"""Reader of your own images."""

import csv
import functools
import random
from pathlib import Path

from nfs_keras.datasets.folders import list_images
from nfs_keras.datasets.index_files import (
    check_unique,
    is_number,
    read_lines,
    relative_path,
)
from nfs_keras.datasets.reader import Reader, check_option
from nfs_keras.datasets.sample import Sample, count_samples
from nfs_keras.evaluation.protocol import RANKS, Protocol
from nfs_keras.modalities import MODALITIES

COLUMNS = ("path", "identity", "modality")
HALVES = ("", "train", "test")


class FolderDataset(Reader):
    """Reads images of your own, from folders or from a table.

    Either the folders name modality and identity,

        <root>/visible/alice/1.jpg
        <root>/infrared/alice/1.png

    or a CSV file does, with the columns `path` (relative to `root`),
    `identity`, `modality`, and if you like `camera` (a number) and `split`
    (`train` or `test`). Without `camera` it is 1 for visible, 2 for infrared
    images; without `split` the people are divided by a seeded choice.

    All test images of one modality are searched for among all of the other,
    in both directions, as with RegDB. If the table gives every image a
    camera, a query is not compared with images of the same person from the
    same camera. Ranks beyond the smaller gallery are left out, with a note
    below the table of scores.

    Args:
        root: Folder that holds the images.
        csv_file: Name of the table, relative to `root`. Without it the
            folders are read.
        query: `"visible"` or `"infrared"`: which modality to search for.
        test_fraction: Share of the people to test on, between 0 and 1, where
            no split is given. At least one person trains and one tests.
        seed: Int. Chooses who is tested on.

    Attributes:
        identity_names: Name of each identity, from the folders or the table.
            Identities are numbered from 0 in alphabetical order of names.
    """

    name = "folder"
    title = "Own images"
    landmarks = MODALITIES

    def __init__(
        self,
        root: str | Path,
        csv_file: str | None = None,
        query: str = "visible",
        test_fraction: float = 0.5,
        seed: int = 0,
    ) -> None:
        super().__init__(
            root,
            csv_file=csv_file,
            query=query,
            test_fraction=test_fraction,
            seed=seed,
        )
        check_option("query", query, MODALITIES)
        if not 0 < test_fraction < 1:
            raise ValueError(
                "Some people must train and some must test. "
                f"Received: test_fraction={test_fraction}. "
                "Pass a number between 0 and 1."
            )
        self.csv_file = csv_file
        self.test_fraction = test_fraction
        self.seed = seed

    @functools.cached_property
    def identity_names(self) -> list[str]:
        return sorted({row["identity"] for row in self._rows})

    @property
    def protocol(self) -> Protocol:
        known = all(row["camera"] for row in self._rows)
        return Protocol("own images", excludes_same_camera=known)

    @property
    def ranks(self) -> tuple[int, ...]:
        reach = self._gallery_size()
        return tuple(rank for rank in RANKS if rank <= reach) or RANKS

    @property
    def notes(self) -> tuple[str, ...]:
        notes = []
        if self.protocol.excludes_same_camera:
            notes.append(
                "A query is not compared with images of the same person from "
                "the same camera."
            )
        if self.ranks != RANKS:
            notes.append(
                f"The last rank is {self.ranks[-1]}: the smaller gallery has "
                f"{self._gallery_size()} images."
            )
        return tuple(notes)

    def read_train(self) -> list[Sample]:
        return self._read_half("train")

    def read_test(self) -> list[Sample]:
        return self._read_half("test")

    def _read_half(self, half):
        numbers = {name: i for i, name in enumerate(self.identity_names)}
        samples = []
        for row in self._rows:
            identity, modality = numbers[row["identity"]], row["modality"]
            if half == (row["split"] or self._halves[row["identity"]]):
                camera = row["camera"] or 1 + MODALITIES.index(modality)
                file = str(self.root / row["path"])
                samples.append(Sample(file, identity, int(camera), modality))
        return samples

    def _gallery_size(self):
        _, *images = count_samples(self.test)
        return min(images)

    @functools.cached_property
    def _halves(self):
        """Maps each person without a `split` to "train" or "test"."""
        names = sorted({r["identity"] for r in self._rows if not r["split"]})
        if len(names) == 1 == len(self.identity_names):
            raise ValueError(
                "At least one person trains and another one tests. "
                f"Received: {names} alone in {str(self._source)!r}. "
                "Add people, or give every image a `split`."
            )
        count = round(self.test_fraction * len(names))
        count = min(max(count, 1), max(len(names) - 1, 1))
        test = set(
            random.Random(self.seed).sample(names, min(count, len(names)))
        )
        return {name: "test" if name in test else "train" for name in names}

    @property
    def _source(self):
        return self.root / (self.csv_file or "")

    @functools.cached_property
    def _rows(self):
        """List of dicts: the columns of each image."""
        if self.csv_file is None:
            return rows_of_folders(self.root)
        return rows_of_table(self.root / self.csv_file)


def rows_of_folders(root: Path) -> list[dict[str, str]]:
    """Lists `<root>/<modality>/<identity>/<image>`."""
    rows = [
        {
            "path": str(file.relative_to(root)),
            "identity": person.name,
            "modality": modality,
            "camera": "",
            "split": "",
        }
        for modality in MODALITIES
        for person in sorted((root / modality).glob("*/"))
        for file in list_images(person)
    ]
    if {row["modality"] for row in rows} != set(MODALITIES):
        raise ValueError(
            "A folder dataset needs images in visible/<identity>/ and in "
            f"infrared/<identity>/. Received: root={str(root)!r}, which has "
            f"{len(rows)} such images, not of both kinds. "
            "Move the images there, or name a `csv_file` that lists them."
        )
    return rows


def rows_of_table(file: Path) -> list[dict[str, str]]:
    """Reads the rows of a CSV file and checks them one by one."""
    header, *lines = read_lines(file)
    columns = parse_line(*header)
    if not lines:
        raise ValueError(
            "A table must list images below its header. "
            f"Received: file={str(file)!r}, which holds the header alone. "
            "Add a row for each image."
        )
    rows, places = [], []
    for where, line in lines:
        cells = parse_line(where, line)
        row = dict(zip(columns, cells, strict=False))
        row = {"camera": "", "split": ""} | row
        check_row(row, where, len(cells) == len(columns))
        row["path"] = str(relative_path(row["path"], where))
        rows.append(row)
        places.append((row["path"], where))
    check_unique(places)
    return rows


def is_table(file: Path) -> bool:
    """Returns whether a file is a CSV file with the columns of a dataset."""
    if file.suffix.lower() != ".csv" or not file.is_file():
        return False
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        header = next(csv.reader(lines), [])
    return set(COLUMNS) <= {cell.strip() for cell in header}


def parse_line(where: str, line: str) -> list[str]:
    """Divides a line at its commas; quotation marks may enclose a cell."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], strict=True))]
    except csv.Error as error:
        raise ValueError(
            "Each line of a table must be valid CSV. "
            f"Received: {line!r} in {where}: {error}. "
            "Correct the line."
        ) from None


def check_row(row: dict[str, str], where: str, is_complete: bool) -> None:
    """Raises `ValueError` unless a row of the table is complete and valid."""
    faults = [f"no {name}" for name in COLUMNS if not row.get(name)]
    if row.get("modality", "") not in MODALITIES:
        faults.append(f"modality={row.get('modality')!r}")
    if row["split"] not in HALVES:
        faults.append(f"split={row['split']!r}")
    if row["camera"] and not is_number(row["camera"]):
        faults.append(f"camera={row['camera']!r}")
    if not is_complete:
        faults.append("more or fewer cells than columns")
    if faults:
        raise ValueError(
            f"Each row needs {', '.join(COLUMNS)}; modality is visible or "
            "infrared, split train or test, camera a number. "
            f"Received: {', '.join(faults)} in {where}. "
            "Correct the table."
        )
