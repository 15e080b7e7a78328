"""Reader of RegDB."""

import random
import warnings
from pathlib import Path, PurePosixPath

from nfs_keras.datasets.folders import list_images
from nfs_keras.datasets.index_files import is_number, read_rows
from nfs_keras.datasets.reader import Reader, check_option
from nfs_keras.datasets.sample import Sample
from nfs_keras.evaluation.protocol import REGDB
from nfs_keras.modalities import MODALITIES

FOLDERS = {"visible": "Visible", "infrared": "Thermal"}
CAMERAS = {"visible": 1, "infrared": 2}
TRIALS = range(1, 11)


class RegDB(Reader):
    """Reads RegDB: 412 people seen by a visible and a thermal camera.

    | split | people | visible | infrared |
    | ----- | ------ | ------- | -------- |
    | train | 206    | 2,060   | 2,060    |
    | test  | 206    | 2,060   | 2,060    |

    Ten trials split the people differently. Train on one trial and test on
    the same: some test people of another trial are training people of this
    one. Query is every test image of one modality, gallery every one of the
    other.

    An identity is the number of its folder, the same in every trial, so that
    overlaps between trials are visible.

    Args:
        root: Folder that holds `Visible/`, `Thermal/` and `idx/`.
        trial: Int from 1 to 10.
        query: `"visible"` or `"infrared"`: which modality to search for.
        split: `"official"` reads `idx/`. `"seeded"` is for copies without
            `idx/`: it halves the people by a choice seeded with `trial`, and
            warns that its scores are not comparable.

    Reference: Nguyen, Hong, Kim, Park, "Person Recognition System Based on a
    Combination of Body Images from Visible Light and Thermal Cameras",
    Sensors 2017.
    """

    name = "regdb"
    title = "RegDB"
    landmarks = ("Thermal", "Visible")
    protocol = REGDB
    trials = TRIALS
    file_pattern = r"(Visible|Thermal)/(\d+)/\w+_[vt]_\d+_\2\.\w+"

    def __init__(
        self,
        root: str | Path,
        trial: int = 1,
        query: str = "visible",
        split: str = "official",
    ) -> None:
        super().__init__(root, trial=trial, query=query, split=split)
        check_option("trial", trial, TRIALS)
        check_option("query", query, MODALITIES)
        check_option("split", split, ("official", "seeded"))
        self.split = split

    def read_train(self) -> list[Sample]:
        return self._read_half("train")

    def read_test(self) -> list[Sample]:
        return self._read_half("test")

    @property
    def published(self) -> dict[str, tuple[int, int, int]]:
        visible, infrared = (206, 2060, 0), (206, 0, 2060)
        seen = self.options["query"] == "visible"
        return {
            "train": (206, 2060, 2060),
            "query": visible if seen else infrared,
            "gallery": infrared if seen else visible,
        }

    def _read_half(self, half):
        if self.split == "official":
            return read_official(self.root, half, self.trial)
        return read_seeded(self.root, half, self.trial)


def read_official(root: Path, half: str, trial: int) -> list[Sample]:
    """Reads `"train"` or `"test"` of a trial: one file for each modality."""
    samples, people = [], {}
    for modality, folder in FOLDERS.items():
        file = root / "idx" / f"{half}_{folder.lower()}_{trial}.txt"
        for row in read_rows(file):
            sample = parse_path(root, row.path, row.where)
            person = people.setdefault(row.label, sample.identity)
            if (sample.identity, sample.modality) != (person, modality):
                raise ValueError(
                    "In RegDB's split files a label is one person, and a file "
                    f"one modality. Received: '{row.path} {row.label}' in "
                    f"{row.where}, where label {row.label} is person "
                    f"{person}. Restore the file from the dataset's archive."
                )
            samples.append(sample)
    return samples


def read_seeded(root: Path, half: str, trial: int) -> list[Sample]:
    """Halves the people found on disk by a choice seeded with `trial`."""
    warnings.warn(
        "RegDB is split by a seed, not by its idx/ files: its scores cannot "
        "be compared with published ones.",
        stacklevel=2,
    )
    samples = [
        parse_path(root, PurePosixPath(file.relative_to(root)), str(root))
        for folder in FOLDERS.values()
        for person in sorted((root / folder).glob("*/"))
        for file in list_images(person)
    ]
    people = sorted({sample.identity for sample in samples})
    train = set(random.Random(trial).sample(people, len(people) // 2))
    return [s for s in samples if (s.identity in train) == (half == "train")]


def parse_path(root: Path, path: PurePosixPath, where: str) -> Sample:
    """Reads modality and identity from `Visible/285/male_back_285.bmp`."""
    modalities = {folder: modality for modality, folder in FOLDERS.items()}
    parts = path.parts
    if len(parts) != 3 or parts[0] not in modalities or not is_number(parts[1]):
        raise ValueError(
            "A path of RegDB must be Visible/<identity>/<image> or "
            f"Thermal/<identity>/<image>. Received: '{path}' in {where}. "
            "Restore the dataset's own folder structure."
        )
    modality = modalities[parts[0]]
    file, identity = str(root / path), int(parts[1])
    return Sample(file, identity, CAMERAS[modality], modality)
