import random
from collections import Counter

import pytest
from dataset_trees import make_llcm

from nfs_keras.datasets import LLCM


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """An LLCM of the published size, but with few test images."""
    root = tmp_path_factory.mktemp("data") / "LLCM"
    return make_llcm(root, 713, 16946, 13975, 351)


@pytest.fixture
def small(tmp_path):
    return make_llcm(tmp_path / "LLCM", 3, 60, 54, 2)


def test_the_published_counts_are_read(full):
    dataset = LLCM(full)
    assert len({s.identity for s in dataset.train}) == 713
    assert Counter(s.modality for s in dataset.train) == {
        "visible": 16946,
        "infrared": 13975,
    }
    assert len({s.identity for s in dataset.test}) == 351


def test_the_gallery_has_one_image_of_each_person_and_camera(full):
    for query, num_cameras in (("visible", 8), ("infrared", 9)):
        dataset = LLCM(full, query=query)
        groups = Counter((s.identity, s.camera) for s in dataset.gallery)
        assert set(groups.values()) == {1}
        assert len(dataset.gallery) == 351 * num_cameras
        every = [s for s in dataset.test if s.modality == query]
        assert dataset.query == every


def test_the_gallery_is_the_one_that_published_code_samples(small):
    random.seed(4)
    expected = []
    for identity in ("0004", "0005"):
        for camera in (1, 2, 4, 5, 6, 7, 8, 9):
            folder = small / "test_nir" / f"cam{camera}" / identity
            files = sorted(str(file) for file in folder.iterdir())
            expected.append(random.choice(files))
    gallery = LLCM(small, trial=4).gallery
    assert [s.path for s in gallery] == sorted(expected)


def test_released_scoring_searches_the_sample_among_all(small):
    paper = LLCM(small, trial=2)
    released = paper.replace(scoring="released")
    assert released.query == paper.gallery
    assert released.gallery == paper.query


def test_training_paths_name_identity_and_camera(small):
    for sample in LLCM(small).train:
        word = {"visible": "vis", "infrared": "nir"}[sample.modality]
        start = f"{sample.identity:04d}_c{sample.camera:02d}_"
        folder = small / word / f"{sample.identity:04d}"
        assert sample.path.startswith(str(folder / start))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "nir/0002/0002_c01_s1_f1_nir.jpg 0",
            "label 0 in .*line 1.*person 2 and 1",
        ),
        (
            "nir/0002/image.jpg 0",
            "Received: 'nir/0002/image.jpg' in .*, line 1",
        ),
        ("a_c01_s1.jpg 0", "Received: 'a_c01_s1.jpg' in .*, line 1"),
        ("nir/0004/0004_c1_x.jpg 3", r"training and test.*identities=\[4\]"),
    ],
    ids=["one label, two people", "no camera", "no person", "a test person"],
)
def test_a_wrong_row_of_the_training_raises(small, row, message):
    (small / "idx" / "train_nir.txt").write_text(f"{row}\n")
    with pytest.raises(ValueError, match=message):
        LLCM(small).train  # noqa: B018


@pytest.mark.parametrize(
    "option", [{"query": "nir"}, {"trial": 10}, {"scoring": "code"}]
)
def test_an_unknown_option_raises(small, option):
    ((name, value),) = option.items()
    with pytest.raises(ValueError, match=f"Received: {name}={value!r}"):
        LLCM(small, **option)
