"""A loss and its gradients, on one device and on two.

Each replica turns its rows of fixed features into outputs by one weight, so
that gradients have to find their way back from all replicas.
"""

import numpy as np
import tensorflow as tf

from nfs_keras.distribute import GlobalBatchObjective
from nfs_keras.models import Objective

OBJECTIVE = Objective(1.0, 2.0, 3.0)
PEOPLE = np.array([0, 0, 1, 1], "int32")


def features(part=slice(None)):
    """Features of some of the rows, the visible ones and the infrared ones."""
    rows = np.random.default_rng(0).normal(size=(2, 4, 5)).astype("float32")
    return np.concatenate(rows[:, part]), PEOPLE[part]


def loss_and_gradients(objective, weight, rows, people):
    with tf.GradientTape() as tape:
        maps = tf.linalg.matmul(rows, weight)
        outputs = {"pooled": maps, "embedding": maps, "logits": maps[:, :3]}
        loss, parts = objective(
            {"visible": people, "infrared": people}, outputs
        )
    return loss, parts, tape.gradient(loss, weight)


def start():
    return tf.Variable(np.random.default_rng(1).normal(size=(5, 5)) / 2.0,
                       dtype="float32")  # fmt: skip


def named(loss, parts, gradient):
    values = {"loss": loss, **parts, "gradient": gradient}
    return {name: np.array(value) for name, value in values.items()}


def one_device():
    rows, people = map(tf.constant, features())
    return named(*loss_and_gradients(OBJECTIVE, start(), rows, people))


def replicas_alone():
    """The mean of what each replica would compute by its own rows."""
    halves = [features(slice(2 * i, 2 * i + 2)) for i in range(2)]
    found = [
        loss_and_gradients(OBJECTIVE, start(), *map(tf.constant, half))[0]
        for half in halves
    ]
    return float(np.mean(found))


def two_devices(strategy):
    with strategy.scope():
        weight = start()
    objective = GlobalBatchObjective(OBJECTIVE)

    @tf.function
    def step():
        def of_replica():
            index = tf.distribute.get_replica_context()
            index = index.replica_id_in_sync_group
            rows, people = (
                tf.stack([features(slice(2 * i, 2 * i + 2))[k] for i in (0, 1)])
                for k in (0, 1)
            )
            return loss_and_gradients(
                objective, weight, rows[index], people[index]
            )

        return strategy.run(of_replica)

    # Losses are divided by the number of replicas, and their gradients added.
    add = tf.distribute.ReduceOp.SUM
    total = tf.nest.map_structure(
        lambda x: strategy.reduce(add, x, axis=None),
        step(),
    )  # fmt: skip
    return named(*total)
