"""Places of aligned images become a dataset that a reader opens."""

import cv2
import numpy as np

from benchmarks.places import CROPS, make_places, scenes_of
from nfs_keras.datasets import check_dataset, open_dataset


def write_scenes(root, num):
    generator = np.random.default_rng(0)
    for modality in ("visible", "infrared"):
        (root / modality).mkdir(parents=True)
        for i in range(num):
            pixels = generator.integers(0, 256, (80, 150, 3), "uint8")
            pixels[:40, :25] = 7  # a region that shows nothing
            cv2.imwrite(str(root / modality / f"scene{i}.png"), pixels)


def test_regions_are_identities_and_halves_share_no_scene(tmp_path):
    write_scenes(tmp_path / "scenes", 8)
    halves = [
        scenes_of(tmp_path / "scenes", half) for half in ("development", "test")
    ]
    assert not set(halves[0]) & set(halves[1])
    make_places(tmp_path / "scenes", tmp_path / "places", "test")
    dataset = open_dataset(tmp_path / "places")
    assert check_dataset(dataset, verbose=False).ok
    for part in (dataset.train, dataset.test):
        identities = {sample.identity for sample in part}
        assert len(identities) == 2 * 11  # of two scenes; one shows nothing
        assert len(part) == len(identities) * CROPS * 2
