"""Reader of LLCM."""

import re
from collections.abc import Sequence
from pathlib import Path

from nfs_keras.datasets.folders import read_people, sample_gallery
from nfs_keras.datasets.index_files import (
    Row,
    is_number,
    read_identities,
    read_rows,
)
from nfs_keras.datasets.reader import Reader, check_option
from nfs_keras.datasets.sample import Sample
from nfs_keras.evaluation import protocol as protocols
from nfs_keras.evaluation.search import Search
from nfs_keras.modalities import MODALITIES

FOLDERS = {"visible": "vis", "infrared": "nir"}
TRIALS = range(10)
RELEASED = (
    "Visible to infrared by the released program, which searches the sampled "
    "infrared images among all visible ones: not comparable with the paper's "
    "text."
)


class LLCM(Reader):
    """Reads LLCM: 1,064 people seen by nine cameras, in low light.

    | split | people | visible | infrared |
    | ----- | ------ | ------- | -------- |
    | train | 713    | 16,946  | 13,975   |
    | test  | 351    | one part is query, of the other a sample is gallery |

    Each camera takes visible and near-infrared images. Query is every test
    image of one modality, gallery a random one of each person from each
    camera of the other.

    Args:
        root: Folder that holds `idx/`, `test_vis/` and `test_nir/`.
        query: `"visible"` or `"infrared"`: which modality to search for.
        trial: Int from 0 to 9. Seeds the gallery.
        scoring: `"paper"` is as above. `"released"` is what the authors'
            program computes, whose distance matrix is transposed: it
            searches the sampled images among all of the other modality.
            The two scales differ; never mix them in a table.

    Reference: Zhang, Wang, "Diverse Embedding Expansion Network and Low-Light
    Cross-Modality Benchmark for Visible-Infrared Person Re-identification",
    CVPR 2023.
    """

    name = "llcm"
    title = "LLCM"
    landmarks = ("test_vis", "test_nir")
    protocol = protocols.LLCM
    file_pattern = r"(vis|nir|test_(vis|nir)/cam[1-9])/(\d{4})/\3_c\d+_\w+\.\w+"

    def __init__(
        self,
        root: str | Path,
        query: str = "visible",
        trial: int = 0,
        scoring: str = "paper",
    ) -> None:
        super().__init__(root, query=query, trial=trial, scoring=scoring)
        check_option("query", query, MODALITIES)
        check_option("trial", trial, TRIALS)
        check_option("scoring", scoring, ("paper", "released"))
        self.scoring = scoring

    def read_train(self) -> list[Sample]:
        samples, people = [], {}
        for modality, word in FOLDERS.items():
            for row in read_rows(self.root / "idx" / f"train_{word}.txt"):
                sample = parse_row(self.root, row, modality)
                person = people.setdefault(row.label, sample.identity)
                if sample.identity != person:
                    raise ValueError(
                        "In LLCM's split files a label is one person. "
                        f"Received: label {row.label} in {row.where}, which "
                        f"is person {sample.identity} and {person}. "
                        "Restore the file from the dataset's archive."
                    )
                samples.append(sample)
        return samples

    def read_test(self) -> list[Sample]:
        cameras = {
            self.root / f"test_{word}" / f"cam{camera}": (camera, modality)
            for modality, word in FOLDERS.items()
            for camera in range(1, 10)
        }
        file = self.root / "idx" / "test_id.txt"
        return read_people(cameras, read_identities(file))

    def read_query(self) -> list[Sample]:
        if self.scoring == "released":
            return self._sampled()
        return super().read_query()

    def read_gallery(self) -> list[Sample]:
        if self.scoring == "released":
            return super().read_query()
        return self._sampled()

    @property
    def notes(self) -> tuple[str, ...]:
        return (RELEASED,) if self.scoring == "released" else ()

    def searches(
        self,
        queries: Sequence[str] = MODALITIES,
        trials: Sequence[int] = tuple(TRIALS),
    ) -> list[Search]:
        """Lists both directions, in ten trials each."""
        searches = []
        for query in queries:
            # The released program transposes this direction's matrix only.
            scoring = self.scoring if query == "visible" else "paper"
            suffix = ", released program" if scoring == "released" else ""
            for trial in trials:
                reader = self.replace(query=query, trial=trial, scoring=scoring)
                reader.test = self.test  # the same people in all of them
                (whole,) = self.both_directions((), [query])
                searches.append(
                    whole._replace(
                        name=whole.name + suffix,
                        query=reader.query,
                        gallery=reader.gallery,
                        trial=trial,
                    )
                )
        return searches

    @property
    def published(self) -> dict[str, tuple[int, int, int]]:
        return {"train": (713, 16946, 13975)}

    def _sampled(self):
        samples = super().read_gallery()
        return sample_gallery(samples, shots=1, seed=self.trial)


def parse_row(root: Path, row: Row, modality: str) -> Sample:
    """Reads identity and camera from `nir/0001/0001_c01_s18_f70_nir.jpg`."""
    camera = re.search(r"_c(\d+)_", row.path.name)
    identity = row.path.parent.name
    if camera is None or not is_number(identity):
        raise ValueError(
            "A training path of LLCM must be <modality>/<identity>/"
            "<identity>_c<camera>_<more>. "
            f"Received: '{row.path}' in {row.where}. "
            "Restore the file from the dataset's archive."
        )
    file = str(root / row.path)
    return Sample(file, int(identity), int(camera.group(1)), modality)
