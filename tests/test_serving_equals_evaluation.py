import pathlib

import numpy as np
from exported_model import IMAGE_SHAPE, MODALITIES, encoders, exported_model

from nfs_keras.datasets import RegDB, image_dataset, synthesize_regdb
from nfs_keras.evaluation import ImageEmbedder, evaluate_regdb
from nfs_keras.scale import Embedder


def test_metrics_through_the_saved_model_are_the_networks_own(tmp_path):
    root = tmp_path / "regdb"
    dataset = RegDB(synthesize_regdb(root, 20, 3, num_workers=1, verbose=False))
    embedders = {name: Embedder(exported_model(), name) for name in MODALITIES}

    def served(samples):
        """Embeddings from the SavedModel, which is given the files alone."""
        files = [pathlib.Path(sample.path).read_bytes() for sample in samples]
        both = {name: embedders[name](files) for name in MODALITIES}
        return np.stack([both[s.modality][i] for i, s in enumerate(samples)])

    in_memory = ImageEmbedder(
        {name: encoders()[name].predict_on_batch for name in MODALITIES},
        load=lambda samples: image_dataset(samples, IMAGE_SHAPE),
    )
    np.testing.assert_allclose(
        served(dataset.test), in_memory(dataset.test), atol=1e-5
    )
    own = evaluate_regdb(in_memory, dataset)
    assert str(evaluate_regdb(served, dataset)) == str(own)
