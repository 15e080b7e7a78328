import pathlib

import global_batch
import keras
import numpy as np
import pytest
from programs import run

from nfs_keras.models import Objective
from nfs_keras.scale import GlobalBatchObjective


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    shapes = {"pooled": (12, 5), "embedding": (12, 5), "logits": (12, 3)}
    outputs = {
        name: keras.ops.convert_to_tensor(rng.normal(size=s).astype("float32"))
        for name, s in shapes.items()
    }
    people = keras.ops.convert_to_tensor(np.array([0, 0, 1, 1, 2, 2]))
    return {"visible": people, "infrared": people}, outputs


def test_on_one_device_it_is_the_objective_itself(batch):
    objective = Objective(identity=1.0, triplet=2.0, contrast=3.0)
    total, parts = objective(*batch)
    found, found_parts = GlobalBatchObjective(objective)(*batch)
    np.testing.assert_allclose(found, total, rtol=1e-6)
    assert set(found_parts) == set(parts)
    for name, value in parts.items():
        np.testing.assert_allclose(found_parts[name], value, rtol=1e-6)


def test_it_names_the_terms_of_the_objective():
    objective = Objective(identity=0.0, contrast=0.5)
    assert GlobalBatchObjective(objective).parts == objective.parts


def test_it_survives_serialization(batch):
    objective = GlobalBatchObjective(Objective(contrast=0.5))
    config = keras.saving.serialize_keras_object(objective)
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.objective.weights == objective.objective.weights
    np.testing.assert_allclose(copy(*batch)[0], objective(*batch)[0])


def test_on_two_replicas_it_is_that_of_one_device_on_all_rows(batch, tmp_path):
    """Loss, parts and gradients; each replica alone would find others."""
    program = pathlib.Path(global_batch.__file__)
    words = [program, tmp_path / "found.npz"]
    run(words, check=True, CUDA_VISIBLE_DEVICES="")
    expected = global_batch.one_device()
    with np.load(tmp_path / "found.npz") as found:
        assert set(found) == set(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(
                found[name], value, rtol=1e-5, atol=1e-6, err_msg=name
            )
    alone = global_batch.replicas_alone()
    assert abs(alone - expected["loss"]) > 0.01  # what is gathered matters
