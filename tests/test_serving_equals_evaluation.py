import numpy as np
import pytest
from exported_model import IMAGE_SHAPE, MODALITIES, encoders, exported_model

from nfs_keras.datasets import RegDB, image_dataset, synthesize_regdb
from nfs_keras.evaluation import ImageEmbedder, evaluate_regdb
from nfs_keras.scale import Embedder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "regdb"
    return RegDB(synthesize_regdb(root, 30, 4, num_workers=1, verbose=False))


def served(samples):
    """Embeddings from the SavedModel, which is given the files alone."""
    rows = [None] * len(samples)
    for modality in MODALITIES:
        places = [i for i, s in enumerate(samples) if s.modality == modality]
        files = []
        for i in places:
            with open(samples[i].path, "rb") as file:
                files.append(file.read())
        if files:
            embedding = Embedder(exported_model(), modality)(files)
            for i, row in zip(places, embedding, strict=True):
                rows[i] = row
    return np.stack(rows)


def test_metrics_through_the_saved_model_are_the_networks_own(dataset):
    in_memory = ImageEmbedder(
        {name: encoders()[name].predict_on_batch for name in MODALITIES},
        load=lambda samples: image_dataset(samples, IMAGE_SHAPE),
    )
    np.testing.assert_allclose(
        served(dataset.test), in_memory(dataset.test), atol=1e-5
    )
    own = evaluate_regdb(in_memory, dataset)
    assert str(evaluate_regdb(served, dataset)) == str(own)
