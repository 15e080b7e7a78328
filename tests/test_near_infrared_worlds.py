import cv2
import numpy as np
import pytest
from small_smoke import small_smoke

from nfs_keras.datasets import (
    LLCM,
    SYSUMM01,
    synthesize_llcm,
    synthesize_sysu_mm01,
)
from nfs_keras.synthetic.image import Recipe, Shot, render_image
from nfs_keras.synthetic.near_infrared_worlds import SYSU_CAMERAS


@pytest.fixture(scope="module")
def sysu(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "sysu"
    with small_smoke():
        return synthesize_sysu_mm01(root, 12, verbose=False)


def read_ids(sysu, name):
    return [
        int(x) for x in (sysu / f"exp/{name}_id.txt").read_text().split(",")
    ]


def test_people_are_divided_as_in_sysu_mm01(sysu):
    train, val, test = (read_ids(sysu, x) for x in ("train", "val", "test"))
    assert (len(train), len(val), len(test)) == (8, 2, 2)
    assert sorted(train + val + test) == list(range(1, 13))
    assert read_ids(sysu, "available") == list(range(1, 13))


@pytest.mark.parametrize("shots", [1, 10])
@pytest.mark.parametrize("mode", ["all", "indoor"])
def test_both_modes_have_queries_and_a_gallery(sysu, mode, shots):
    dataset = SYSUMM01(sysu, mode=mode, shots=shots)
    assert {sample.camera for sample in dataset.query} == {3, 6}
    cameras = {"all": {1, 2, 4, 5}, "indoor": {1, 2}}[mode]
    assert {sample.camera for sample in dataset.gallery} <= cameras
    places = {(sample.identity, sample.camera) for sample in dataset.gallery}
    assert len(dataset.gallery) == shots * len(places) > 0


def test_everybody_is_met_in_both_modalities(sysu):
    dataset = SYSUMM01(sysu)
    for identity in range(1, 13):
        modalities = {
            sample.modality
            for sample in dataset.train + dataset.test
            if sample.identity == identity
        }
        assert modalities == {"visible", "infrared"}


def test_not_every_camera_meets_everybody(sysu):
    folders = [
        sysu / f"cam{c}/{i:04d}" for c in SYSU_CAMERAS for i in range(1, 13)
    ]
    assert not all(folder.exists() for folder in folders)


def margin_of(camera):
    """Averages what a camera sees beside the people."""
    recipe = Recipe("sysu_mm01", 0, (64, 32), 0.2)
    modality, place = SYSU_CAMERAS[camera]
    margins = []
    for identity in range(1, 9):
        shot = Shot("", identity, modality, 1, place)
        image = render_image(recipe, shot).astype(float).mean(axis=2)
        margins.append(image[:, [0, 1, 2, 29, 30, 31]])
    return np.mean(margins, axis=0)


def test_cameras_two_and_three_share_their_surroundings():
    surroundings = margin_of(3).ravel()
    agreement = {
        camera: np.corrcoef(surroundings, margin_of(camera).ravel())[0, 1]
        for camera in (1, 2, 4, 5)
    }
    assert max(agreement, key=agreement.get) == 2
    assert agreement[2] > 0.6


BOTH = pytest.mark.parametrize(
    "synthesize", [synthesize_sysu_mm01, synthesize_llcm]
)


@BOTH
def test_images_are_rendered_in_the_shape_that_is_asked_for(
    synthesize, tmp_path
):
    options = {"image_shape": (20, 16), "verbose": False}
    root = synthesize(tmp_path / "data", 3, 1, **options)
    images = [cv2.imread(str(file)) for file in root.rglob("*.jpg")]
    assert {image.shape for image in images} == {(20, 16, 3)}


@BOTH
@pytest.mark.parametrize("given", ["num_identities=2", "images_per_camera=0"])
def test_too_few_people_or_images_raise(synthesize, given, tmp_path):
    name, value = given.split("=")
    with pytest.raises(ValueError, match=f"Received: {given}"):
        synthesize(tmp_path / "a", **{name: int(value)})


@pytest.fixture(scope="module")
def llcm(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "llcm"
    with small_smoke():
        return synthesize_llcm(root, 30, verbose=False)


def test_two_thirds_of_the_people_train(llcm):
    dataset = LLCM(llcm)
    train = {sample.identity for sample in dataset.train}
    test = {sample.identity for sample in dataset.test}
    assert len(train) == 20
    assert train | test == set(range(1, 31))
    assert not train & test


def test_four_cameras_meet_each_person_in_both_modalities(llcm):
    for identity in {sample.identity for sample in LLCM(llcm).train}:
        met = {
            (sample.modality, sample.camera)
            for sample in LLCM(llcm).train
            if sample.identity == identity
        }
        cameras = {camera for _, camera in met}
        assert len(cameras) == 4
        assert met == {
            (modality, camera)
            for modality in ("visible", "infrared")
            for camera in cameras
        }


@pytest.mark.parametrize("query", ["visible", "infrared"])
def test_the_gallery_has_one_image_per_person_and_camera(llcm, query):
    dataset = LLCM(llcm, query=query)
    places = [(sample.identity, sample.camera) for sample in dataset.gallery]
    assert len(places) == len(set(places)) > 0
    assert {sample.modality for sample in dataset.query} == {query}


def test_camera_three_has_no_infrared_test_images(llcm):
    assert not (llcm / "test_nir" / "cam3").exists()
    assert (llcm / "test_vis" / "cam3").exists()


def test_labels_of_training_count_from_zero(llcm):
    for word in "vis", "nir":
        text = (llcm / "idx" / f"train_{word}.txt").read_text()
        labels = {int(line.split(" ")[1]) for line in text.splitlines()}
        assert labels == set(range(20))
