import keras
import numpy as np
import pytest

from nfs_keras.distribute import GlobalBatchObjective
from nfs_keras.models import Objective


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
