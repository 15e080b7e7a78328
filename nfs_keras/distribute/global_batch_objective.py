"""Losses over the batch of all replicas together."""

import keras
import tensorflow as tf

from nfs_keras.modalities import MODALITIES


@keras.saving.register_keras_serializable(package="nfs_keras")
class GlobalBatchObjective:
    """Computes an `Objective` over the batches of all replicas together.

    A triplet needs hard negatives and a contrast needs other people: if the
    batch is divided over replicas, each would find them only among its own
    rows. Here every replica gathers the features of all, and computes the
    loss that a single device would compute on the whole batch; each gradient
    flows back to the replica of its feature. Only feature vectors are
    exchanged, which are small compared with the gradients. Outside a strategy
    it is the objective itself.

    Args:
        objective: An `Objective`.

    Call arguments:
        labels: Dict of `"visible"` and `"infrared"`, int vectors.
        outputs: The outputs of a `ReIDNetwork` for this replica's rows.

    Returns:
        As `Objective`.
    """

    def __init__(self, objective):
        self.objective = objective

    def __call__(self, labels, outputs):
        num_visible = tf.shape(labels["visible"])[0]
        outputs = {
            name: tf.concat(
                [gather(rows[:num_visible]), gather(rows[num_visible:])], axis=0
            )
            for name, rows in outputs.items()
        }
        labels = {name: gather(labels[name]) for name in MODALITIES}
        return self.objective(labels, outputs)

    def check_batch(self, batch, network):
        """Raises `ValueError` for a batch that cannot be trained on."""
        self.objective.check_batch(batch, network)

    @property
    def parts(self):
        """Names of the parts that a call returns."""
        return self.objective.parts

    def get_config(self):
        return {
            "objective": keras.saving.serialize_keras_object(self.objective)
        }

    @classmethod
    def from_config(cls, config):
        deserialize = keras.saving.deserialize_keras_object
        return cls(deserialize(config["objective"]))


def gather(rows):
    """Joins the rows of all replicas, in their order, on every replica."""
    # A sum of zero-padded rows: `all_gather` fails with several hosts.
    context = tf.distribute.get_replica_context()
    mine = tf.one_hot(
        context.replica_id_in_sync_group,
        context.num_replicas_in_sync,
        dtype=rows.dtype,
    )
    padded = tf.tensordot(mine, rows, axes=0)  # (replicas, rows, ...)
    everyones = context.all_reduce(tf.distribute.ReduceOp.SUM, padded)
    return tf.reshape(everyones, [-1, *rows.shape[1:]])
