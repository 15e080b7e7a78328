import filecmp
import os

import cv2
import numpy as np
import pytest

from nfs_keras.datasets import (
    FolderDataset,
    RegDB,
    synthesize_people,
    synthesize_regdb,
)
from nfs_keras.synthetic import tree

SMALL = {
    "num_identities": 6,
    "images_per_modality": 2,
    "image_shape": (32, 16),
    "verbose": False,
}


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """Six people, twice in each modality."""
    return synthesize_regdb(tmp_path_factory.mktemp("data") / "a", **SMALL)


def files_of(root):
    return sorted(
        str(file.relative_to(root))
        for file in root.rglob("*")
        if file.is_file()
    )


def assert_same_bytes(one, other):
    assert files_of(one) == files_of(other)
    _, mismatch, errors = filecmp.cmpfiles(
        one, other, files_of(one), shallow=False
    )
    assert not mismatch and not errors


def test_a_seed_gives_the_same_bytes(people, tmp_path):
    other = synthesize_regdb(tmp_path / "other", seed=0, **SMALL)
    assert_same_bytes(people, other)


def test_the_number_of_processes_changes_no_byte(tmp_path):
    """They start although OpenCV has threads."""
    options = {**SMALL, "num_identities": 30}
    threads = cv2.getNumThreads()
    cv2.setNumThreads(4)
    try:
        large = cv2.GaussianBlur(cv2.UMat(2000, 2000, cv2.CV_8U), (9, 9), 2)
        assert large.get().shape == (2000, 2000)
        three = synthesize_regdb(tmp_path / "three", num_workers=3, **options)
        assert cv2.getNumThreads() == 4
    finally:
        cv2.setNumThreads(threads)
    one = synthesize_regdb(tmp_path / "one", num_workers=1, **options)
    assert_same_bytes(one, three)


def test_another_seed_gives_other_people(people, tmp_path):
    other = synthesize_regdb(tmp_path / "other", seed=1, **SMALL)
    images = [
        sorted(file.read_bytes() for file in root.rglob("*.bmp"))
        for root in (people, other)
    ]
    assert not set(images[0]) & set(images[1])


def test_more_people_leave_the_first_ones_alone(people, tmp_path):
    many = synthesize_regdb(tmp_path / "many", **{**SMALL, "num_identities": 9})
    names = [name for name in files_of(people) if name.endswith(".bmp")]
    assert len(names) == 6 * 2 * 2
    _, mismatch, errors = filecmp.cmpfiles(people, many, names, shallow=False)
    assert not mismatch and not errors


def test_images_lie_where_regdb_keeps_them(people):
    for folder, letter in ("Visible", "v"), ("Thermal", "t"):
        for identity in range(1, 7):
            files = sorted((people / folder / str(identity)).iterdir())
            assert len(files) == 2
            for file in files:
                gender, view, kind, frame, number = file.stem.split("_")
                assert gender in ("male", "female")
                assert view in ("front", "back")
                assert (kind, number) == (letter, str(identity))
                assert len(frame) == 5
                assert cv2.imread(str(file)).shape == (32, 16, 3)


def test_thermal_images_have_no_colour(people):
    for file in people.rglob("Thermal/*/*.bmp"):
        blue, green, red = cv2.split(cv2.imread(str(file)))
        assert (blue == green).all() and (green == red).all()


def test_ten_trials_halve_the_people_each_in_its_way(people):
    halves = set()
    for trial in range(1, 11):
        dataset = RegDB(people, trial=trial)
        train = {sample.identity for sample in dataset.train}
        test = {sample.identity for sample in dataset.query + dataset.gallery}
        assert len(train) == len(test) == 3
        assert train | test == set(range(1, 7))
        halves.add(frozenset(train))
    assert len(halves) > 5


def test_labels_count_from_zero_and_agree_between_modalities(people):
    for trial in range(1, 11):
        for subset in "train", "test":
            labels = []
            for modality in "visible", "thermal":
                file = people / "idx" / f"{subset}_{modality}_{trial}.txt"
                lines = file.read_text().splitlines()
                pairs = [line.split(" ") for line in lines]
                labels.append(
                    {path.split("/")[1]: int(label) for path, label in pairs}
                )
                assert len(pairs) == 6
            assert labels[0] == labels[1]
            assert sorted(labels[0].values()) == [0, 1, 2]


def test_the_reader_finds_the_published_number_of_people(tmp_path, monkeypatch):
    grey = np.zeros((1, 1, 3), "uint8")
    monkeypatch.setattr(tree, "render_image", lambda recipe, shot: grey)
    root = synthesize_regdb(
        tmp_path / "people", images_per_modality=1, num_workers=1, verbose=False
    )
    dataset = RegDB(root, trial=10)
    assert len({sample.identity for sample in dataset.train}) == 206
    assert len({sample.identity for sample in dataset.query}) == 206
    assert len(dataset.query) == len(dataset.gallery) == 206


@pytest.mark.parametrize("image_format", ["png", "jpg"])
def test_images_may_have_another_format(tmp_path, image_format):
    root = synthesize_regdb(
        tmp_path / "people", image_format=image_format, **SMALL
    )
    files = list(root.rglob(f"*.{image_format}"))
    assert len(files) == 24
    assert len(RegDB(root).train) == 12
    assert cv2.imread(str(files[0])).shape == (32, 16, 3)


def test_png_and_bmp_hold_the_same_pixels(people, tmp_path):
    png = synthesize_regdb(tmp_path / "png", image_format="png", **SMALL)
    for file in people.rglob("*.bmp"):
        twin = png / file.relative_to(people).with_suffix(".png")
        assert (cv2.imread(str(file)) == cv2.imread(str(twin))).all()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("num_identities", 1),
        ("num_identities", 2.5),
        ("images_per_modality", 0),
        ("seed", -1),
        ("seed", True),
        ("image_shape", (128, 8)),
        ("image_shape", (128, 64, 3)),
        ("difficulty", 1.5),
        ("difficulty", float("nan")),
        ("image_format", "gif"),
        ("num_workers", 0),
    ],
)
def test_a_bad_argument_raises_before_anything_is_written(
    tmp_path, option, value
):
    root = tmp_path / "people"
    with pytest.raises(ValueError, match=f"(?s){option}.*Received: {option}="):
        synthesize_regdb(root, **{**SMALL, option: value})
    assert os.listdir(tmp_path) == []


CROWD = {**SMALL, "num_identities": 5}


def test_a_crowd_is_read_for_training(tmp_path):
    root = synthesize_people(tmp_path / "crowd", **CROWD)
    samples = FolderDataset(root, csv_file="people.csv").train
    assert len(samples) == 10
    assert len({sample.identity for sample in samples}) == 5
    assert {sample.modality for sample in samples} == {"visible"}
    assert not (root / "infrared").exists()


def test_a_crowd_may_be_renderered_in_both_modalities(tmp_path):
    modalities = ("visible", "infrared")
    root = synthesize_people(tmp_path / "crowd", modalities=modalities, **CROWD)
    samples = FolderDataset(root, csv_file="people.csv").train
    assert len(samples) == 20
    assert {sample.modality for sample in samples} == set(modalities)


@pytest.mark.parametrize("modalities", [("thermal",), ()])
def test_unknown_or_no_modalities_raise(tmp_path, modalities):
    with pytest.raises(ValueError, match="modalities.*Received: modalities="):
        synthesize_people(tmp_path / "a", modalities=modalities, **CROWD)
