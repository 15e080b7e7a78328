"""Reader of SYSU-MM01, with both ways to choose its galleries."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from nfs_keras.datasets.folders import read_people, sample_gallery
from nfs_keras.datasets.index_files import read_identities
from nfs_keras.datasets.reader import Reader, check_option
from nfs_keras.datasets.sample import Sample
from nfs_keras.evaluation.protocol import (
    SYSU_ALL_SEARCH,
    SYSU_INDOOR_SEARCH,
    Protocol,
)
from nfs_keras.evaluation.search import Search
from nfs_keras.modalities import MODALITIES

INFRARED_CAMERAS = (3, 6)
PROTOCOLS = {"all": SYSU_ALL_SEARCH, "indoor": SYSU_INDOOR_SEARCH}
SHOTS = {1: "single-shot", 10: "multi-shot"}
TRIALS = range(10)


class SYSUMM01(Reader):
    """Reads SYSU-MM01: 491 people, four visible and two infrared cameras.

    | split              | people | visible | infrared |
    | ------------------ | ------ | ------- | -------- |
    | train              | 395    | 22,258  | 11,909   |
    | query              | 96     | 0       | 3,803    |
    | gallery, all       | 96     | 301     | 0        |
    | gallery, indoor    | 96     | 112     | 0        |

    The galleries are ten times as large with `shots=10`. Cameras 1, 2 and 3
    are indoors; 2 and 3 stand in the same room.

    Args:
        root: Folder that holds `cam1/` to `cam6/` and `exp/`.
        mode: `"all"` searches cameras 1, 2, 4 and 5, `"indoor"` 1 and 2.
        shots: `1` or `10`. Gallery images of each person and camera.
        trial: Int from 0 to 9. Chooses the gallery.
        sampler: How the gallery is sampled. `"seeded"`: by Python's `random`,
            seeded with `trial`, as in most published code. `"official"`: by
            the file `exp/rand_perm_cam.mat` of the dataset's authors. The two
            give different scores; name the one used.

    Reference: Wu, Zheng, Yu, Gong, Lai, "RGB-Infrared Cross-Modality Person
    Re-Identification", ICCV 2017.
    """

    name = "sysu_mm01"
    title = "SYSU-MM01"
    landmarks = ("cam1", "cam2", "cam3", "cam4", "cam5", "cam6")
    file_pattern = r"cam[1-6]/\d{4}/\d{4}\.\w+"

    def __init__(
        self,
        root: str | Path,
        mode: str = "all",
        shots: int = 1,
        trial: int = 0,
        sampler: str = "seeded",
    ) -> None:
        super().__init__(
            root, mode=mode, shots=shots, trial=trial, sampler=sampler
        )
        check_option("mode", mode, PROTOCOLS)
        check_option("shots", shots, SHOTS)
        check_option("trial", trial, TRIALS)
        check_option("sampler", sampler, ("seeded", "official"))
        self.mode = mode
        self.shots = shots
        self.sampler = sampler

    def read_train(self) -> list[Sample]:
        folder = self.root / "exp"
        identities = read_identities(folder / "train_id.txt")
        identities += read_identities(folder / "val_id.txt")
        return read_people(self._cameras, identities)

    def read_test(self) -> list[Sample]:
        identities = read_identities(self.root / "exp" / "test_id.txt")
        return read_people(self._cameras, identities)

    def read_query(self) -> list[Sample]:
        return [s for s in self.test if s.camera in INFRARED_CAMERAS]

    def read_gallery(self) -> list[Sample]:
        cameras = self.protocol.gallery.numbers
        samples = [s for s in self.test if s.camera in cameras]
        if self.sampler == "seeded":
            return sample_gallery(samples, self.shots, seed=self.trial)
        file = self.root / "exp" / "rand_perm_cam.mat"
        return official_gallery(samples, file, self.shots, self.trial)

    def both_directions(
        self, samples: Iterable[Sample], queries: Sequence[str] = MODALITIES
    ) -> list[Search]:
        """As for `Reader`, among the samples of the mode's cameras."""
        cameras = {*INFRARED_CAMERAS, *self.protocol.gallery.numbers}
        seen = [s for s in samples if s.camera in cameras]
        return super().both_directions(seen, queries)

    @property
    def protocol(self) -> Protocol:
        return PROTOCOLS[self.mode]

    @property
    def notes(self) -> tuple[str, ...]:
        return (f"Galleries are sampled by sampler={self.sampler!r}.",)

    def searches(
        self,
        modes: Sequence[str] = tuple(PROTOCOLS),
        shots: Sequence[int] = tuple(SHOTS),
        trials: Sequence[int] = tuple(TRIALS),
    ) -> list[Search]:
        """Lists every mode with every number of shots, in ten trials each."""
        searches = []
        for mode in modes:
            for number in shots:
                for trial in trials:
                    reader = self.replace(mode=mode, shots=number, trial=trial)
                    reader.test = self.test  # the same people in all of them
                    searches.append(
                        Search(
                            f"{mode}-search, {SHOTS[number]}",
                            "infrared_to_visible",
                            reader.query,
                            reader.gallery,
                            reader.protocol,
                            trial,
                        )
                    )
        return searches

    @property
    def published(self) -> dict[str, tuple[int, int, int]]:
        gallery = {"all": 301, "indoor": 112}[self.mode] * self.shots
        return {
            "train": (395, 22258, 11909),
            "query": (96, 0, 3803),
            "gallery": (96, gallery, 0),
        }

    @property
    def _cameras(self):
        """The camera number and the modality of each camera's folder."""
        return {
            self.root / f"cam{camera}": (
                camera,
                "infrared" if camera in INFRARED_CAMERAS else "visible",
            )
            for camera in range(1, 7)
        }


def official_gallery(
    samples: Iterable[Sample], file: Path, shots: int, trial: int
) -> list[Sample]:
    """Takes the images that `rand_perm_cam.mat` lists first.

    Args:
        samples: All test samples of the gallery's cameras. Their file names
            are the image numbers.
        file: Path of `rand_perm_cam.mat`.
        shots: Images of each person and camera.
        trial: Int from 0 to 9.

    Raises:
        ValueError: The file is missing or no such file, or lists an image
            that is not in `samples`.
        ImportError: SciPy is not installed.
    """
    numbered = {
        (s.camera, s.identity, int(Path(s.path).stem)): s for s in samples
    }
    permutations = read_permutations(file)
    gallery = []
    for camera, identity in sorted({key[:2] for key in numbered}):
        orders = permutations.get((camera, identity), np.empty((0, 0)))
        listed = [
            int(number) for number in orders[trial : trial + 1, :shots].flat
        ]
        keys = [(camera, identity, number) for number in listed]
        if len(keys) < shots or not numbered.keys() >= set(keys):
            raise ValueError(
                "The gallery file must list images that exist. "
                f"Received: {str(file)!r}, which for camera {camera} and "
                f"identity {identity} lists {listed} in trial {trial}. "
                "Take both the file and the images from the authors."
            )
        gallery += [numbered[key] for key in keys]
    return gallery


def read_permutations(file: Path) -> dict[tuple[int, int], np.ndarray]:
    """Reads the order of each person's images from each camera.

    The MATLAB file holds a cell for each camera, in it a cell for each
    identity, in it a matrix of image numbers, all counted from 1.

    Returns:
        The matrices, of shape `(trials, images)`, by camera and identity.
    """
    cameras = np.ravel(load_matlab(file, "rand_perm_cam"))
    return {
        (camera, identity): np.atleast_2d(matrix)
        for camera, people in enumerate(cameras, start=1)
        for identity, matrix in enumerate(np.ravel(people), start=1)
    }


def load_matlab(file: Path, name: str) -> np.ndarray:
    """Loads one variable of a MATLAB file."""
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise ImportError(
            "Reading MATLAB files requires SciPy. "
            f"Received: {error}. "
            'Install it with `pip install "nfs_keras[sysu]"`.'
        ) from error
    try:
        return loadmat(file, variable_names=[name])[name]
    except (OSError, ValueError, KeyError, NotImplementedError) as error:
        raise ValueError(
            f"The official gallery needs the variable `{name}` of the "
            f"dataset's MATLAB file. Received: file={str(file)!r}: {error}. "
            "Copy the file from the authors' evaluation code into exp/, or "
            "use sampler='seeded'."
        ) from None
