"""Counts the replicas of a batch, and gives each its own noise."""

import keras


def num_replicas():
    """Returns over how many devices the current batch is divided."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


class ReplicaSeedGenerator(keras.random.SeedGenerator):
    """Draws different noise on every replica of a strategy, from one state."""

    def next(self, ordered=True):
        seed = super().next(ordered)
        if keras.backend.backend() != "tensorflow":
            return seed
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        if context is None or context.num_replicas_in_sync == 1:
            return seed
        replica = tf.cast(context.replica_id_in_sync_group, seed.dtype)
        return seed + tf.stack([replica * 1_000_003, tf.zeros_like(replica)])
