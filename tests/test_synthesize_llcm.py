import pytest

from nfs_keras.datasets import LLCM, synthesize_llcm


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return synthesize_llcm(
        tmp_path_factory.mktemp("data") / "llcm",
        image_shape=(16, 16),
        verbose=False,
    )


def test_two_thirds_of_the_people_train(root):
    dataset = LLCM(root)
    train = {sample.identity for sample in dataset.train}
    test = {sample.identity for sample in dataset.test}
    assert len(train) == 20
    assert train | test == set(range(1, 31))
    assert not train & test


def test_four_cameras_meet_each_person_in_both_modalities(root):
    for identity in {sample.identity for sample in LLCM(root).train}:
        met = {
            (sample.modality, sample.camera)
            for sample in LLCM(root).train
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
def test_the_gallery_has_one_picture_per_person_and_camera(root, query):
    dataset = LLCM(root, query=query)
    places = [(sample.identity, sample.camera) for sample in dataset.gallery]
    assert len(places) == len(set(places)) > 0
    assert {sample.modality for sample in dataset.query} == {query}


def test_camera_three_has_no_infrared_test_pictures(root):
    assert not (root / "test_nir" / "cam3").exists()
    assert (root / "test_vis" / "cam3").exists()


def test_labels_of_training_count_from_zero(root):
    for word in "vis", "nir":
        text = (root / "idx" / f"train_{word}.txt").read_text()
        labels = {int(line.split(" ")[1]) for line in text.splitlines()}
        assert labels == set(range(20))


def test_too_few_people_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Received: num_identities=2"):
        synthesize_llcm(tmp_path / "a", num_identities=2)


def test_no_images_are_refused(tmp_path):
    with pytest.raises(ValueError, match="Received: images_per_camera=0"):
        synthesize_llcm(tmp_path / "a", images_per_camera=0)
