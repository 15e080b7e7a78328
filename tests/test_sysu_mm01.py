import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from dataset_trees import full_sysu_mm01, make_sysu_mm01
from scipy.io import savemat

from nfs_keras.datasets import SYSUMM01

GALLERIES = [("all", 1, 301), ("indoor", 1, 112), ("all", 10, 3010)]
GALLERIES += [("indoor", 10, 1120)]


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """An SYSU-MM01 of the published size."""
    return full_sysu_mm01(tmp_path_factory.mktemp("data") / "SYSU-MM01")


@pytest.fixture
def small(tmp_path):
    """Two people to test on, eleven images from each of four cameras."""
    counts = {(camera, 3): 11 for camera in (1, 2, 3, 6)}
    counts |= {(camera, 1): 11 for camera in (1, 4, 5, 6)}
    counts |= {(1, 2): 1, (3, 2): 1, (2, 4): 1, (6, 4): 1}
    root = tmp_path / "SYSU-MM01"
    return make_sysu_mm01(root, [2], [4], [3, 1], counts)


def write_permutations(root, trials=10, images=11):
    """Writes a `rand_perm_cam.mat`; returns its matrices."""
    rng = np.random.default_rng(0)
    cameras = np.empty((6, 1), object)
    matrices = {}
    for camera in range(1, 7):
        people = np.empty((4, 1), object)
        for identity in range(1, 5):
            matrix = [rng.permutation(images) + 1 for _ in range(trials)]
            people[identity - 1, 0] = matrices[camera, identity] = np.array(
                matrix, "uint8"
            )
        cameras[camera - 1, 0] = people
    savemat(root / "exp" / "rand_perm_cam.mat", {"rand_perm_cam": cameras})
    return matrices


def group(samples):
    return Counter((sample.identity, sample.camera) for sample in samples)


def test_the_published_counts_are_read(full):
    dataset = SYSUMM01(full)
    assert len({s.identity for s in dataset.train}) == 395
    assert Counter(s.modality for s in dataset.train) == {
        "visible": 22258,
        "infrared": 11909,
    }
    assert Counter(s.camera for s in dataset.query) == {3: 1883, 6: 1920}
    assert "published" not in dataset.describe()


@pytest.mark.parametrize(("mode", "shots", "count"), GALLERIES)
def test_the_gallery_has_its_published_size(full, mode, shots, count):
    dataset = SYSUMM01(full, mode=mode, shots=shots)
    assert len(dataset.gallery) == count
    assert set(group(dataset.gallery).values()) == {shots}
    cameras = {"all": {1, 2, 4, 5}, "indoor": {1, 2}}[mode]
    assert {s.camera for s in dataset.gallery} == cameras
    assert len(dataset.query) == 3803


@pytest.mark.parametrize("shots", [1, 10])
def test_the_seeded_gallery_is_the_one_that_published_code_samples(
    small, shots
):
    for trial in (0, 7):
        expected = []
        random.seed(trial)
        for identity in ("0001", "0003"):
            for camera in ("cam1", "cam2", "cam4", "cam5"):
                folder = small / camera / identity
                if folder.is_dir():
                    files = sorted(str(file) for file in folder.iterdir())
                    if shots == 1:
                        expected.append(random.choice(files))
                    else:
                        expected.extend(random.sample(files, shots))
        dataset = SYSUMM01(small, shots=shots, trial=trial)
        assert [s.path for s in dataset.gallery] == sorted(expected)


@pytest.mark.parametrize("shots", [1, 10])
def test_the_official_gallery_is_the_one_that_the_file_lists(small, shots):
    matrices = write_permutations(small)
    dataset = SYSUMM01(small, shots=shots, trial=3, sampler="official")
    sampled = {
        (s.camera, s.identity, int(Path(s.path).stem)) for s in dataset.gallery
    }
    assert sampled == {
        (camera, identity, number)
        for camera, identity in ((1, 1), (4, 1), (5, 1), (1, 3), (2, 3))
        for number in matrices[camera, identity][3, :shots]
    }


@pytest.mark.parametrize(
    ("written", "options", "message"),
    [
        (None, {}, "rand_perm_cam.mat'.*seeded"),
        ({"images": 30}, {"shots": 10}, "list images that exist"),
        ({"trials": 2}, {"trial": 5}, r"lists \[\] in trial 5"),
    ],
    ids=["no file", "other images", "too few trials"],
)
def test_the_official_gallery_needs_its_file(small, written, options, message):
    if written:
        write_permutations(small, **written)
    dataset = SYSUMM01(small, sampler="official", **options)
    with pytest.raises(ValueError, match=message):
        dataset.gallery  # noqa: B018


def test_training_takes_the_validation_people_too(small):
    dataset = SYSUMM01(small)
    assert {s.identity for s in dataset.train} == {2, 4}
    assert {s.identity for s in dataset.query} == {1, 3}


def test_cameras_have_a_modality(small):
    dataset = SYSUMM01(small)
    for sample in dataset.train + dataset.test:
        assert f"/cam{sample.camera}/{sample.identity:04d}/" in sample.path
        infrared = sample.camera in (3, 6)
        assert sample.modality == ("infrared" if infrared else "visible")


def test_too_few_images_for_the_shots_raise(tmp_path):
    counts = {(1, 1): 9, (3, 1): 1, (1, 2): 1}
    root = make_sysu_mm01(tmp_path / "SYSU", [2], [], [1], counts)
    with pytest.raises(ValueError, match="9 images of identity 1 from camera"):
        SYSUMM01(root, shots=10).gallery  # noqa: B018


def test_a_listed_person_without_images_raises(small):
    (small / "exp" / "val_id.txt").write_text("77")
    with pytest.raises(ValueError, match="identity=77, for whom there is no"):
        SYSUMM01(small).train  # noqa: B018


def test_a_person_in_both_halves_raises(small):
    (small / "exp" / "val_id.txt").write_text("4,3")
    with pytest.raises(
        ValueError, match=r"training and test.*identities=\[3\]"
    ):
        SYSUMM01(small).train  # noqa: B018


@pytest.mark.parametrize(
    "option",
    [{"mode": "outdoor"}, {"shots": 5}, {"trial": 10}, {"sampler": "mat"}],
)
def test_an_unknown_option_raises(small, option):
    ((name, value),) = option.items()
    with pytest.raises(ValueError, match=f"Received: {name}={value!r}"):
        SYSUMM01(small, **option)
