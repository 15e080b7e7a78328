import numpy as np
import pytest

from nfs_keras.datasets import SYSUMM01, synthesize_sysu_mm01
from nfs_keras.datasets.synthetic.picture import Recipe, Shot, take_picture
from nfs_keras.datasets.synthetic.synthesize_sysu_mm01 import CAMERAS


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return synthesize_sysu_mm01(
        tmp_path_factory.mktemp("data") / "sysu",
        num_identities=12,
        image_shape=(16, 16),
        verbose=False,
    )


def read_ids(root, name):
    return [
        int(x) for x in (root / f"exp/{name}_id.txt").read_text().split(",")
    ]


def test_people_are_divided_as_in_sysu_mm01(root):
    train, val, test = (read_ids(root, x) for x in ("train", "val", "test"))
    assert (len(train), len(val), len(test)) == (8, 2, 2)
    assert sorted(train + val + test) == list(range(1, 13))
    assert read_ids(root, "available") == list(range(1, 13))


@pytest.mark.parametrize("shots", [1, 10])
@pytest.mark.parametrize("mode", ["all", "indoor"])
def test_both_modes_have_queries_and_a_gallery(root, mode, shots):
    dataset = SYSUMM01(root, mode=mode, shots=shots)
    assert {sample.camera for sample in dataset.query} == {3, 6}
    cameras = {"all": {1, 2, 4, 5}, "indoor": {1, 2}}[mode]
    assert {sample.camera for sample in dataset.gallery} <= cameras
    places = {(sample.identity, sample.camera) for sample in dataset.gallery}
    assert len(dataset.gallery) == shots * len(places) > 0


def test_everybody_is_met_in_both_modalities(root):
    dataset = SYSUMM01(root)
    for identity in range(1, 13):
        modalities = {
            sample.modality
            for sample in dataset.train + dataset.test
            if sample.identity == identity
        }
        assert modalities == {"visible", "infrared"}


def test_not_every_camera_meets_everybody(root):
    folders = [root / f"cam{c}/{i:04d}" for c in CAMERAS for i in range(1, 13)]
    assert not all(folder.exists() for folder in folders)


def margin_of(camera):
    """Averages what a camera sees beside the people."""
    recipe = Recipe("sysu_mm01", 0, (64, 32), 0.2)
    modality, place = CAMERAS[camera]
    margins = []
    for identity in range(1, 9):
        shot = Shot("", identity, modality, 1, place)
        picture = take_picture(recipe, shot).astype(float).mean(axis=2)
        margins.append(picture[:, [0, 1, 2, 29, 30, 31]])
    return np.mean(margins, axis=0)


def test_cameras_two_and_three_share_a_room():
    room = margin_of(3).ravel()
    agreement = {
        camera: np.corrcoef(room, margin_of(camera).ravel())[0, 1]
        for camera in (1, 2, 4, 5)
    }
    assert max(agreement, key=agreement.get) == 2
    assert agreement[2] > 0.6


def test_too_few_people_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Received: num_identities=2"):
        synthesize_sysu_mm01(tmp_path / "a", num_identities=2)


def test_no_images_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Received: images_per_camera=0"):
        synthesize_sysu_mm01(tmp_path / "a", images_per_camera=0)
