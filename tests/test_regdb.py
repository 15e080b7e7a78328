from collections import Counter

import pytest
from dataset_trees import make_regdb

from nfs_keras.datasets import RegDB


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A RegDB of the published size, with two of its ten trials."""
    root = tmp_path_factory.mktemp("data") / "RegDB"
    return make_regdb(root, num_identities=412, images=10, trials=(1, 2))


@pytest.fixture
def small(tmp_path):
    return make_regdb(tmp_path / "RegDB")


def read(root):
    return RegDB(root).train


def edit(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_the_published_counts_are_read(full):
    dataset = RegDB(full)
    for samples in (dataset.train, dataset.test):
        assert len(samples) == 4120
        images = Counter((s.identity, s.modality) for s in samples)
        assert len(images) == 412 and set(images.values()) == {10}
    train = {s.identity for s in dataset.train}
    test = {s.identity for s in dataset.test}
    assert len(train) == len(test) == 206
    assert train | test == set(range(1, 413))


def test_query_and_gallery_are_all_test_images_of_either_modality(full):
    for query, gallery in (("visible", "infrared"), ("infrared", "visible")):
        dataset = RegDB(full, query=query)
        assert len(dataset.query) == len(dataset.gallery) == 2060
        assert {s.modality for s in dataset.query} == {query}
        assert {s.modality for s in dataset.gallery} == {gallery}


def test_samples_are_sorted_and_describe_the_files(small):
    dataset = RegDB(small)
    for samples in (dataset.train, dataset.query, dataset.gallery):
        assert samples == sorted(samples) and samples
        for path, identity, camera, modality in samples:
            folder = {"visible": "Visible", "infrared": "Thermal"}[modality]
            assert path.startswith(str(small / folder / str(identity) / "male"))
            assert camera == {"visible": 1, "infrared": 2}[modality]


def test_replace_changes_one_option_and_keeps_the_others(full):
    dataset = RegDB(full, trial=2).replace(query="infrared")
    assert dataset.options == {
        "trial": 2,
        "query": "infrared",
        "split": "official",
    }
    assert dataset.train == RegDB(full, trial=2).train
    assert dataset.train != RegDB(full, trial=1).train


def test_an_identity_keeps_its_number_in_every_trial(full):
    first, second = RegDB(full, trial=1), RegDB(full, trial=2)
    identities = {s.path: s.identity for s in first.train + first.test}
    for sample in second.train + second.test:
        assert identities[sample.path] == sample.identity


def test_describe_is_silent_about_published_counts_only_if_they_are_met(
    full, small
):
    assert "published" not in RegDB(full).describe()
    assert "published: 206, 2,060, 2,060" in RegDB(small).describe()


def test_a_missing_root_raises(tmp_path):
    with pytest.raises(
        ValueError, match="root='.*nowhere', which is no folder"
    ):
        RegDB(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "option",
    [{"trial": 0}, {"trial": 11}, {"query": "thermal"}, {"split": "random"}],
)
def test_an_unknown_option_raises(small, option):
    ((name, value),) = option.items()
    with pytest.raises(ValueError, match=f"Received: {name}={value!r}"):
        RegDB(small, **option)


def test_a_missing_split_file_is_named(small):
    (small / "idx" / "train_thermal_1.txt").unlink()
    with pytest.raises(ValueError, match="train_thermal_1.txt'.*not exist"):
        read(small)


def test_a_person_in_both_halves_raises(small):
    train, test = (
        small / "idx" / f"{h}_visible_1.txt" for h in ("train", "test")
    )
    line = test.read_text().splitlines()[0]
    path, _ = line.split(" ")
    train.write_text(train.read_text() + f"{path} 99\n")
    with pytest.raises(
        ValueError, match=r"training and test.*identities=\[4\]"
    ):
        read(small)


def test_a_label_that_means_two_people_raises(small):
    file = small / "idx" / "train_visible_1.txt"
    edit(file, "_1.bmp 1", "_1.bmp 2")
    with pytest.raises(
        ValueError, match="label is one person.*line [0-9]+, wh"
    ):
        read(small)


def test_an_image_in_the_file_of_the_other_modality_raises(small):
    file = small / "idx" / "train_visible_1.txt"
    text = file.read_text()
    file.write_text(text.replace("Visible/1/", "Thermal/1/", 1))
    with pytest.raises(ValueError, match="a file one modality.*line 1"):
        read(small)


@pytest.mark.parametrize("path", ["Visible/a/b.bmp", "Color/1/b.bmp", "b.bmp"])
def test_a_path_of_another_shape_raises(small, path):
    file = small / "idx" / "train_visible_1.txt"
    file.write_text(f"{path} 0\n")
    with pytest.raises(ValueError, match=f"Received: '{path}' in .*, line 1"):
        read(small)


def test_a_seeded_split_halves_the_people_and_warns(small):
    dataset = RegDB(small, split="seeded")
    with pytest.warns(UserWarning, match="cannot be compared"):
        train, test = dataset.train, dataset.test
    people = [{s.identity for s in half} for half in (train, test)]
    assert [len(half) for half in people] == [4, 4]
    assert people[0] | people[1] == set(range(1, 9))
    assert len(train) == len(test) == 24
