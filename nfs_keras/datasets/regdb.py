"""Reader of RegDB."""

import functools
import random
import warnings
from pathlib import Path, PurePosixPath

from nfs_keras.datasets.index_files import read_labelled_paths
from nfs_keras.datasets.reader import Reader, check_disjoint, check_option
from nfs_keras.datasets.sample import MODALITIES, Sample

FOLDERS = {"visible": "Visible", "infrared": "Thermal"}
CAMERAS = {"visible": 1, "infrared": 2}


class RegDB(Reader):
    """Reads RegDB: 412 people before a visible and a thermal camera.

    | split | people | visible | infrared |
    | ----- | ------ | ------- | -------- |
    | train | 206    | 2,060   | 2,060    |
    | test  | 206    | 2,060   | 2,060    |

    Ten trials split the people differently. Train on one trial and test on
    the same: another trial's test people were partly trained on. Query is
    every test picture of one modality, gallery every one of the other.

    An identity is the number of its folder, the same in every trial, so that
    overlaps between trials can be seen.

    Args:
        root: Folder that holds `Visible/`, `Thermal/` and `idx/`.
        trial: Int from 1 to 10.
        query: `"visible"` or `"infrared"`: which modality to search for.
        split: `"official"` reads `idx/`. `"seeded"` is for copies without
            `idx/`: it halves the people by a choice seeded with `trial`, and
            warns that its numbers cannot be compared.

    Reference: Nguyen, Hong, Kim, Park, "Person Recognition System Based on a
    Combination of Body Images from Visible Light and Thermal Cameras",
    Sensors 2017.
    """

    name = "regdb"

    def __init__(
        self,
        root: str | Path,
        trial: int = 1,
        query: str = "visible",
        split: str = "official",
    ) -> None:
        super().__init__(root, trial=trial, query=query, split=split)
        check_option("trial", trial, range(1, 11))
        check_option("query", query, MODALITIES)
        check_option("split", split, ("official", "seeded"))
        self.trial = trial
        self.split = split

    def read_train(self) -> list[Sample]:
        return self.splits["train"]

    def read_query(self) -> list[Sample]:
        query = self.options["query"]
        return [s for s in self.splits["test"] if s.modality == query]

    def read_gallery(self) -> list[Sample]:
        query = self.options["query"]
        return [s for s in self.splits["test"] if s.modality != query]

    @functools.cached_property
    def splits(self) -> dict[str, list[Sample]]:
        """All samples of the trial by split, `"train"` and `"test"`."""
        if self.split == "seeded":
            return seeded_split(self.root, self.trial)
        train = read_official(self.root, "train", self.trial)
        test = read_official(self.root, "test", self.trial)
        check_disjoint(
            train, test, where=f"{self.root}/idx, trial {self.trial}"
        )
        return {"train": train, "test": test}


def read_official(root: Path, split: str, trial: int) -> list[Sample]:
    """Reads one split of a trial: a file for each modality."""
    samples, identity_of = [], {}
    for modality, folder in FOLDERS.items():
        file = root / "idx" / f"{split}_{folder.lower()}_{trial}.txt"
        for path, label in read_labelled_paths(file, root):
            sample = parse_path(root, path, where=str(file))
            identity = identity_of.setdefault(label, sample.identity)
            if sample.modality != modality or sample.identity != identity:
                raise ValueError(
                    "A label of RegDB must mean one person, seen in the "
                    f"modality of its file. Received: '{path} {label}' in "
                    f"{file}, where label {label} means person {identity}. "
                    "Restore the file from the dataset's archive."
                )
            samples.append(sample)
    return samples


def parse_path(root: Path, path: PurePosixPath, where: str) -> Sample:
    """Reads modality and identity from `Visible/285/male_back_285.bmp`."""
    modalities = {folder: modality for modality, folder in FOLDERS.items()}
    folder, identity, *rest = (*path.parts, "", "")
    if folder not in modalities or not identity.isdecimal() or len(rest) != 3:
        raise ValueError(
            "A path of RegDB must be Visible/<identity>/<image> or "
            "Thermal/<identity>/<image>. "
            f"Received: '{path}' in {where}. "
            "Restore the dataset's own folder structure."
        )
    modality = modalities[folder]
    return Sample(str(root / path), int(identity), CAMERAS[modality], modality)


def seeded_split(root: Path, trial: int) -> dict[str, list[Sample]]:
    """Halves the people found on disk by a choice seeded with `trial`."""
    warnings.warn(
        "RegDB is split by a seed, not by its idx/ files: results cannot be "
        "compared with published ones.",
        stacklevel=2,
    )
    samples = [
        parse_path(root, PurePosixPath(file.relative_to(root)), where=str(root))
        for folder in FOLDERS.values()
        for file in sorted(root.glob(f"{folder}/*/*"))
    ]
    people = sorted({sample.identity for sample in samples})
    train = set(random.Random(trial).sample(people, len(people) // 2))
    return {
        "train": [s for s in samples if s.identity in train],
        "test": [s for s in samples if s.identity not in train],
    }
