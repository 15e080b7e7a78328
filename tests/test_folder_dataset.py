from pathlib import Path

import pytest
from dataset_trees import make_folders
from evaluation_datasets import Embed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nfs_keras.datasets import FolderDataset
from nfs_keras.evaluation import evaluate

NAMES = ["alice", "bob", "carol", "dave"]


@pytest.fixture
def root(tmp_path):
    return make_folders(tmp_path / "people", NAMES)


def write_table(root, *rows, header="path,identity,modality,camera,split"):
    (root / "table.csv").write_text("\n".join([header, *rows]))
    return FolderDataset(root, csv_file="table.csv")


def test_folders_name_identity_and_modality(root):
    dataset = FolderDataset(root)
    assert dataset.identity_names == NAMES
    samples = dataset.train + dataset.test
    assert len(samples) == 4 * 2 * 3
    for path, identity, camera, modality in samples:
        assert Path(path).parts[-3:-1] == (modality, NAMES[identity])
        assert camera == {"visible": 1, "infrared": 2}[modality]


def test_people_are_halved_by_the_seed(root):
    halves = set()
    for seed in range(8):
        dataset = FolderDataset(root, seed=seed)
        train = {s.identity for s in dataset.train}
        test = {s.identity for s in dataset.test}
        assert len(train) == len(test) == 2 and not train & test
        assert FolderDataset(root, seed=seed).train == dataset.train
        halves.add(frozenset(train))
    assert len(halves) > 1


def test_query_and_gallery_are_the_two_modalities(root):
    dataset = FolderDataset(root, query="infrared")
    assert {s.modality for s in dataset.query} == {"infrared"}
    assert {s.modality for s in dataset.gallery} == {"visible"}
    assert len(dataset.query) == len(dataset.gallery) == 6


def test_a_table_may_give_camera_and_split(root):
    dataset = write_table(
        root,
        "visible/alice/0.png,a,visible,5,train",
        "infrared/alice/0.png,a,infrared,,train",
        "visible/bob/0.png,b,visible,7,test",
        "infrared/bob/0.png,b,infrared,8,test",
    )
    assert dataset.identity_names == ["a", "b"]
    assert [s.camera for s in dataset.train] == [2, 5]
    assert [s.camera for s in dataset.query + dataset.gallery] == [7, 8]


def test_a_table_without_a_split_is_split_by_the_seed(root):
    rows = [
        f"{modality}/{name}/0.png,{name},{modality}"
        for modality in ("visible", "infrared")
        for name in NAMES
    ]
    dataset = write_table(root, *rows, header="path,identity,modality")
    folders = FolderDataset(root)
    assert {s.identity for s in dataset.train} == {
        s.identity for s in folders.train
    }


@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.text('ab7,"./ \n\r\t\\;é', max_size=40))
def test_an_arbitrary_table_is_read_or_raises_with_the_file_named(root, text):
    try:
        dataset = write_table(root, text)
        assert dataset.train is not None
    except ValueError as error:
        assert "table.csv" in str(error)


def test_a_table_from_a_spreadsheet_is_read(root):
    text = 'path,identity,modality\r\n"a, b.png", alice ,visible\r\n'
    text += "c.png,bob,visible\r\n"
    (root / "table.csv").write_text(text, encoding="utf-8-sig", newline="")
    dataset = FolderDataset(root, csv_file="table.csv")
    sample, _ = sorted(dataset.train + dataset.test)
    assert sample.path == str(root / "a, b.png")
    assert dataset.identity_names == ["alice", "bob"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.png,alice,thermal,,", "modality='thermal' in .*line 2"),
        ("a.png,,visible,,", "no identity in .*line 2"),
        (",alice,visible,,", "no path in .*line 2"),
        ("a.png,alice,visible,one,", "camera='one'"),
        ("a.png,alice,visible,1,both", "split='both'"),
        ('"a.png,alice,visible,,', "valid CSV.*line 2"),
        ("a.png,alice", "more or fewer cells"),
        ("a.png,alice,visible,1,train,x", "more or fewer cells"),
        ("../a.png,alice,visible,,", "inside the dataset's folder"),
    ],
)
def test_a_malformed_row_raises(root, row, message):
    with pytest.raises(ValueError, match=message):
        write_table(root, row).train  # noqa: B018


def test_an_image_is_of_one_person(root):
    rows = ["a.png,alice,visible,,train", "a/../b.png,bob,visible,,test"]
    with pytest.raises(ValueError, match="inside the dataset's folder"):
        write_table(root, *rows).train  # noqa: B018
    rows = ["a/b.png,alice,visible,,train", "./a\\b.png,bob,visible,,test"]
    with pytest.raises(ValueError, match="'a/b.png' in .*2 and again in .*3"):
        write_table(root, *rows).train  # noqa: B018


def test_paths_of_another_system_are_read(root):
    dataset = write_table(
        root,
        "visible\\alice\\0.png,alice,visible,,train",
        "infrared\\bob\\0.png,bob,infrared,,test",
    )
    (sample,) = dataset.train
    assert Path(sample.path) == root / "visible" / "alice" / "0.png"


def test_folders_of_one_modality_raise(tmp_path):
    (tmp_path / "visible" / "alice").mkdir(parents=True)
    with pytest.raises(ValueError, match="has 0 such images"):
        FolderDataset(tmp_path).train  # noqa: B018


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0])
def test_a_half_may_not_be_empty(root, fraction):
    with pytest.raises(ValueError, match="test_fraction="):
        FolderDataset(root, test_fraction=fraction)


def test_a_table_that_is_only_a_header_raises(root):
    with pytest.raises(ValueError, match="table.csv.*header alone"):
        write_table(root).train  # noqa: B018


@pytest.mark.parametrize("fraction", [0.01, 0.5, 0.99])
@pytest.mark.parametrize("num_people", [2, 3, 4])
def test_at_least_one_person_trains_and_one_tests(
    tmp_path, num_people, fraction
):
    root = make_folders(tmp_path / "people", NAMES[:num_people])
    dataset = FolderDataset(root, test_fraction=fraction)
    assert dataset.train and dataset.test


def test_one_person_cannot_be_divided(tmp_path):
    root = make_folders(tmp_path / "people", NAMES[:1])
    with pytest.raises(ValueError, match=r"\['alice'\] alone in .*people"):
        FolderDataset(root).train  # noqa: B018


def test_ranks_end_with_the_gallery_and_the_table_notes_it(root):
    table = evaluate(Embed(), FolderDataset(root))
    assert [*table.rows[0].mean] == ["rank1", "rank5", "mean_ap", "mean_inp"]
    assert "The last rank is 5: the smaller gallery has 6" in str(table)
    root = make_folders(root.parent / "more", NAMES, images=10)
    table = evaluate(Embed(), FolderDataset(root))
    assert "rank20" in table.rows[0].mean and table.notes == ()


def test_known_cameras_hide_what_they_saw_themselves(root):
    def rows(infrared_camera):
        return [
            f"{modality}/{name}/{i}.png,{name},{modality},{camera},test"
            for name in NAMES
            for modality, camera in (
                ("visible", 1),
                ("infrared", infrared_camera),
            )
            for i in range(3)
        ]

    apart = evaluate(Embed(), write_table(root, *rows(2)))
    assert apart.rows[0].num_valid_queries == [12]
    assert "the same camera" in str(apart)
    with pytest.raises(ValueError, match="without a match"):
        evaluate(Embed(), write_table(root, *rows(1)))
    without = write_table(root, *(row.replace(",1,", ",,") for row in rows(1)))
    assert not without.protocol.excludes_same_camera
