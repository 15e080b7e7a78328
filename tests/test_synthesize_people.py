import pytest

from nfs_keras.datasets import FolderDataset, synthesize_people

SMALL = {
    "num_identities": 5,
    "images_per_modality": 2,
    "image_shape": (16, 16),
    "verbose": False,
}


def test_a_crowd_is_read_for_training(tmp_path):
    root = synthesize_people(tmp_path / "crowd", **SMALL)
    samples = FolderDataset(root, csv_file="people.csv").train
    assert len(samples) == 10
    assert len({sample.identity for sample in samples}) == 5
    assert {sample.modality for sample in samples} == {"visible"}
    assert not (root / "infrared").exists()


def test_a_crowd_may_be_photographed_in_both_modalities(tmp_path):
    modalities = ("visible", "infrared")
    root = synthesize_people(tmp_path / "crowd", modalities=modalities, **SMALL)
    samples = FolderDataset(root, csv_file="people.csv").train
    assert len(samples) == 20
    assert {sample.modality for sample in samples} == set(modalities)


@pytest.mark.parametrize("modalities", [("thermal",), ()])
def test_unknown_or_no_modalities_are_refused(tmp_path, modalities):
    with pytest.raises(ValueError, match="modalities.*Received: modalities="):
        synthesize_people(tmp_path / "a", modalities=modalities, **SMALL)
