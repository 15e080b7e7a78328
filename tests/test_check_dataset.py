import os
import shutil

import pytest
from dataset_trees import (
    make_folders,
    make_llcm,
    make_regdb,
    make_sysu_mm01,
    write_image,
)

from nfs_keras.datasets import FolderDataset, Reader, check_dataset

TRIALS = range(1, 11)


@pytest.fixture
def regdb(tmp_path):
    """A sound RegDB, in which no two files share their bytes."""
    root = make_regdb(tmp_path / "RegDB", 6, 10, TRIALS)
    for seed, file in enumerate(sorted(root.glob("*/*/*.bmp"))):
        file.unlink()
        write_image(file, seed)
    return root


def image_file(root, folder="Visible", identity=1, image=0):
    return root / folder / str(identity) / name_of(folder, identity, image)


def name_of(folder, identity, image):
    return f"male_front_{folder[0].lower()}_{image:05d}_{identity}.bmp"


def findings(report, is_error):
    return {
        finding.flaw: finding.places
        for finding in report.findings
        if finding.is_error == is_error
    }


def errors(root):
    report = check_dataset(root, verbose=False)
    assert not report.ok and "Training may not start." in str(report)
    return findings(report, is_error=True)


def warnings(root):
    report = check_dataset(root, verbose=False)
    assert report.ok and "Training may start." in str(report)
    return findings(report, is_error=False)


def test_a_sound_dataset_may_be_trained_on(regdb):
    report = check_dataset(regdb, verbose=False)
    assert report.ok and report.name == "regdb"
    assert not report.findings
    assert "train         3       30        30" in str(report)
    assert "published: 206, 2,060, 2,060" in str(report)


def test_every_dataset_is_recognised(tmp_path):
    test = list(range(3, 23))
    counts = {(c, i): 10 for c in (1, 2, 3, 6) for i in (1, 2, *test)}
    trees = {
        "sysu_mm01": make_sysu_mm01(tmp_path / "b", [1], [2], test, counts),
        "llcm": make_llcm(tmp_path / "c", 2, 4, 4, 20),
        "folder": make_folders(tmp_path / "d", ["ann", "bob", "cy", "di"]),
    }
    for name, root in trees.items():
        report = check_dataset(root, verbose=False)
        assert report.name == name
        # The LLCM that the tests write lacks its training images.
        assert report.ok == (name != "llcm"), str(report)


def test_what_the_protocol_cannot_score_is_an_error(tmp_path):
    counts = {(c, i): 10 for c in (1, 2, 3, 6) for i in range(1, 15)}
    test = list(range(2, 14))
    root = make_sysu_mm01(tmp_path / "sysu", [1], [14], test, counts)
    ((flaw, (place,)),) = errors(root).items()
    assert flaw == "the protocol cannot score it"
    assert "between 1 and the 12 identities" in place


def test_a_reader_of_ones_own_is_checked(tmp_path):
    class Corridor(FolderDataset):
        pass

    class Cellar(Reader):
        def read_train(self):
            return FolderDataset(self.root).train

        def read_test(self):
            return FolderDataset(self.root).test

    root = make_folders(tmp_path / "own", ["ann", "bob", "cy", "di"], 20)
    for reader in (Corridor(root), Cellar(root)):
        report = check_dataset(reader, verbose=False)
        assert report.ok, str(report)
    assert report.name == "Cellar"


def test_what_is_no_dataset_may_not_be_trained_on(tmp_path):
    assert list(errors(tmp_path)) == ["no dataset is known here"]
    assert list(errors(tmp_path / "no")) == ["no dataset is known here"]


def test_what_is_wrong_with_an_image_is_an_error(regdb):
    """An image of each fault, in one dataset."""
    empty, text, gone = (image_file(regdb, image=i) for i in range(3))
    half = image_file(regdb, "Thermal", 3)
    empty.write_bytes(b"")
    text.write_bytes(b"a text file named .bmp")
    gone.unlink()
    half.write_bytes(half.read_bytes()[:200])
    assert errors(regdb) == {
        f"image {fault}": [str(file.relative_to(regdb))]
        for fault, file in {
            "is empty": empty,
            "is no image in one of these formats": text,
            "does not exist": gone,
            "is damaged or incomplete": half,
        }.items()
    }


def test_a_missing_split_file_is_an_error_for_each_trial(regdb):
    shutil.rmtree(regdb / "idx")
    (places,) = errors(regdb).values()
    assert len(places) == len(TRIALS)
    assert "train_visible_1.txt" in places[0]


def test_people_in_both_halves_are_an_error(regdb):
    for folder in ("visible", "thermal"):
        file = regdb / "idx" / f"train_{folder}_3.txt"
        shutil.copy(regdb / "idx" / f"test_{folder}_3.txt", file)
    ((flaw, (place,)),) = errors(regdb).items()
    assert flaw == "splits cannot be used"
    assert "both training and test" in place and "trial=3" in place


def test_people_seen_by_one_modality_only_are_an_error(regdb):
    for trial in TRIALS:
        for half in ("train", "test"):
            file = regdb / "idx" / f"{half}_thermal_{trial}.txt"
            lines = file.read_text().splitlines(keepends=True)
            kept = [line for line in lines if "Thermal/2/" not in line]
            file.write_text("".join(kept))
    assert errors(regdb) == {
        "people have images in one modality only": ["identity 2: only visible"]
    }


def test_strays_and_duplicates_are_warnings(regdb):
    shutil.copy(image_file(regdb), regdb / "Visible" / "1" / "copy of 1.bmp")
    (regdb / "Visible" / "Thumbs.db").write_bytes(b"x")
    (regdb / "Visible" / ".hidden").write_bytes(b"x")
    (regdb / "README.md").write_text("where it came from")
    found = warnings(regdb)
    copy = os.path.join("Visible", "1", "copy of 1.bmp")
    original = os.path.join("Visible", "1", name_of("Visible", 1, 0))
    assert found["wrongly named"] == [
        "Visible/1/copy of 1.bmp",
        "Visible/Thumbs.db",
    ]
    assert found["in no split"] == [copy]
    assert found["the same bytes twice"] == [f"{original} = {copy}"]


def test_a_broken_image_in_no_split_is_a_warning(regdb):
    (regdb / "Visible" / "1" / name_of("Visible", 1, 99)).write_bytes(b"")
    found = warnings(regdb)
    assert len(found["image is empty"]) == 1


def test_long_lists_are_shortened_in_the_table(regdb):
    for image in (0, 1):
        for identity in (1, 2, 3):
            image_file(regdb, "Visible", identity, image).write_bytes(b"")
    text = str(check_dataset(regdb, verbose=False))
    assert "error         6  image is empty" in text
    assert "... and 3 more" in text
