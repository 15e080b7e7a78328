import subprocess
import sys

import keras
import numpy as np
import pytest

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
    return outputs, {"visible": people, "infrared": people}


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
    assert GlobalBatchObjective(objective).terms == objective.terms


def test_it_survives_serialization(batch):
    objective = GlobalBatchObjective(Objective(contrast=0.5))
    config = keras.saving.serialize_keras_object(objective)
    copy = keras.saving.deserialize_keras_object(config)
    assert copy.objective.weights == objective.objective.weights
    np.testing.assert_allclose(copy(*batch)[0], objective(*batch)[0])


TWO_REPLICAS = """
import sys
import keras, numpy as np, tensorflow as tf
from nfs_keras.models import Objective
from nfs_keras.scale import GlobalBatchObjective
(cpu,) = tf.config.list_physical_devices("CPU")
halves = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, halves)
batch = dict(np.load(sys.argv[1]))
people = tf.constant(batch.pop("people"))
objective = Objective(identity=1.0, triplet=2.0, contrast=3.0)

def loss(outputs, people, objective):
    outputs = {k: tf.reshape(v, [-1, v.shape[-1]]) for k, v in outputs.items()}
    labels = {"visible": people, "infrared": people}
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        total, _ = objective(outputs, labels)
    return total, tape.gradient(total, outputs)

halves = {k: v.reshape(2, 6, -1) for k, v in batch.items()}  # by modality
strategy = tf.distribute.MirroredStrategy(["cpu:0", "cpu:1"])
assert strategy.num_replicas_in_sync == 2

@tf.function
def both():
    def part(context):
        start = 3 * context.replica_id_in_sync_group
        rows = slice(start, start + 3)
        mine = {k: tf.constant(v[:, rows]) for k, v in halves.items()}
        return mine, people[rows]
    values = strategy.experimental_distribute_values_from_function(part)
    return strategy.run(loss, (*values, GlobalBatchObjective(objective)))

totals, gradients = both()
expected, expected_gradients = loss(halves, people, objective)
# Keras divides a loss by the number of replicas, whose gradients are summed.
for total in strategy.experimental_local_results(totals):
    np.testing.assert_allclose(2 * total, expected, rtol=1e-5)
for name, gradient in gradients.items():
    one, two = strategy.experimental_local_results(gradient)
    visible = np.concatenate([one[:3], two[:3]])
    found = np.concatenate([visible, one[3:], two[3:]])
    np.testing.assert_allclose(
        found, expected_gradients[name], rtol=1e-4, atol=1e-6
    )
"""


def test_two_replicas_compute_the_loss_of_one_device(tmp_path):
    rng = np.random.default_rng(0)
    shapes = {"pooled": (12, 5), "embedding": (12, 5), "logits": (12, 3)}
    arrays = {
        k: rng.normal(size=s).astype("float32") for k, s in shapes.items()
    }
    arrays["people"] = np.array([0, 0, 1, 1, 2, 2], "int32")
    np.savez(tmp_path / "batch.npz", **arrays)
    command = [sys.executable, "-c", TWO_REPLICAS, tmp_path / "batch.npz"]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr[-2000:]
