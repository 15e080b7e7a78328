"""What cannot be scored is known before anything is trained."""

import pytest
from dataset_trees import make_folders, make_llcm, make_sysu_mm01, write_text
from evaluation_datasets import FakeRegDB

from nfs_keras.datasets import (
    LLCM,
    SYSUMM01,
    FolderDataset,
    RegDB,
    synthesize_llcm,
    synthesize_regdb,
    synthesize_sysu_mm01,
)
from nfs_keras.evaluation import check_protocol, evaluate
from nfs_keras.synthetic import near_infrared_worlds, thermal_worlds


def touch_tree(root, recipe, shots, texts, num_workers, verbose):
    """Makes the files that test halves are read from, without images."""
    for path, text in texts.items():
        write_text(root / path, text)
    # RegDB's lists name every image: its reader looks for none.
    listed = [x for path, x in texts.items() if path.endswith("/test_id.txt")]
    people = {int(x) for text in listed for x in text.split(",")}
    for shot in shots:
        if shot.identity in people:
            write_text(root / shot.path, "")
    return root


@pytest.mark.parametrize(
    ("synthesize", "reader"),
    [
        (synthesize_regdb, RegDB),
        (synthesize_sysu_mm01, SYSUMM01),
        (synthesize_llcm, LLCM),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_synthetic_datasets_suffice_for_their_protocols_by_default(
    synthesize, reader, seed, tmp_path, monkeypatch
):
    for module in (thermal_worlds, near_infrared_worlds):
        monkeypatch.setattr(module, "write_tree", touch_tree)
    check_protocol(reader(synthesize(tmp_path / "data", seed=seed)))


def test_ranks_beyond_the_people_raise_before_training(tmp_path):
    people = range(1, 15)
    counts = {(c, i): 10 for c in (1, 2, 3, 6) for i in people}
    root = make_sysu_mm01(tmp_path / "x", [1], [2], [*people][2:], counts)
    message = r"between 1 and the 12 identities.*\(1, 5, 10, 20\)"
    for check in (check_protocol, lambda data: evaluate(None, data)):
        with pytest.raises(ValueError, match=message):
            check(SYSUMM01(root))
    check_protocol(SYSUMM01(root), ranks=(1, 10))


def test_galleries_without_enough_images_raise_before_training(tmp_path):
    counts = {(c, i): 3 for c in (1, 2, 3, 6) for i in range(1, 30)}
    test = range(3, 30)
    root = make_sysu_mm01(tmp_path / "x", [1], [2], test, counts)
    with pytest.raises(ValueError, match="gallery of 10 shots"):
        check_protocol(SYSUMM01(root))
    check_protocol(SYSUMM01(root), shots=(1,))


def test_a_single_person_cannot_be_scored(tmp_path):
    root = make_folders(tmp_path / "people", ["ann", "bob"])
    with pytest.raises(ValueError, match="1 identity in the gallery"):
        check_protocol(FolderDataset(root))


def test_one_modality_alone_cannot_be_searched(tmp_path):
    root = make_folders(tmp_path / "people", ["ann", "bob", "cy"])
    rows = [
        f"visible/{name}/0.png,{name},visible,test" for name in ("ann", "bob")
    ]
    rows.append("infrared/cy/0.png,cy,infrared,train")
    text = "\n".join(["path,identity,modality,split", *rows])
    (root / "table.csv").write_text(text)
    with pytest.raises(ValueError, match="2 query and 0 gallery images"):
        check_protocol(FolderDataset(root, csv_file="table.csv"))


def test_nothing_to_search_for_is_named():
    with pytest.raises(ValueError, match="lists no search"):
        check_protocol(FakeRegDB(), queries=())


def test_both_scales_of_llcm_can_be_scored(tmp_path):
    root = make_llcm(tmp_path, 3, 60, 54, 20)
    for scoring in ("paper", "released"):
        dataset = LLCM(root, scoring=scoring)
        check_protocol(dataset)
        assert len(dataset.searches()) == 20
