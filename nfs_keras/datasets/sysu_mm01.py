"""Reader of SYSU-MM01."""

from pathlib import Path

from nfs_keras.datasets.folders import read_people, sample_gallery
from nfs_keras.datasets.index_files import read_identities
from nfs_keras.datasets.official_gallery import official_gallery
from nfs_keras.datasets.reader import Reader, check_option
from nfs_keras.datasets.sample import Sample

INFRARED_CAMERAS = (3, 6)
GALLERY_CAMERAS = {"all": (1, 2, 4, 5), "indoor": (1, 2)}


class SYSUMM01(Reader):
    """Reads SYSU-MM01: 491 people before four visible, two infrared cameras.

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
        shots: `1` or `10`. Gallery pictures of each person and camera.
        trial: Int from 0 to 9. Which gallery is drawn.
        sampler: Who draws it. `"seeded"`: Python's `random`, seeded with
            `trial`, as most published code does. `"official"`: the file
            `exp/rand_perm_cam.mat` of the dataset's authors. Their numbers
            differ; name the one used.

    Reference: Wu, Zheng, Yu, Gong, Lai, "RGB-Infrared Cross-Modality Person
    Re-Identification", ICCV 2017.
    """

    name = "sysu_mm01"
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
        check_option("mode", mode, GALLERY_CAMERAS)
        check_option("shots", shots, (1, 10))
        check_option("trial", trial, range(10))
        check_option("sampler", sampler, ("seeded", "official"))
        self.mode = mode
        self.shots = shots
        self.trial = trial
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
        cameras = GALLERY_CAMERAS[self.mode]
        samples = [s for s in self.test if s.camera in cameras]
        if self.sampler == "seeded":
            return sample_gallery(samples, self.shots, seed=self.trial)
        file = self.root / "exp" / "rand_perm_cam.mat"
        return official_gallery(samples, file, self.shots, self.trial)

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
