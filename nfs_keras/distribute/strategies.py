"""Distribution strategies: one device, all of a host, or several hosts."""

import functools

import keras
import tensorflow as tf

STRATEGIES = ("none", "mirrored", "multi_worker")


@functools.cache  # two strategies of one process would mix up their messages
def make_strategy(name):
    """Makes a distribution strategy, one of each name in a process.

    Args:
        name: `"none"`; `"mirrored"` for all GPUs of this host; or
            `"multi_worker"` for those of all hosts in `TF_CONFIG`. In the
            last case call this before anything else uses TensorFlow.

    Returns:
        A `tf.distribute.Strategy`.

    Raises:
        ValueError: If the name is unknown.
    """
    if name not in STRATEGIES:
        raise ValueError(
            f"`strategy` must be one of {STRATEGIES}. "
            f"Received: strategy={name!r}. "
            "Use 'mirrored' for the GPUs of one host."
        )
    if name == "mirrored":
        return tf.distribute.MirroredStrategy()
    if name == "multi_worker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    return tf.distribute.get_strategy()


def is_chief(strategy):
    """Returns whether this process writes the run's files."""
    cluster = strategy.cluster_resolver
    if cluster is None or not cluster.task_type:
        return True
    return cluster.task_type == "chief" or (
        cluster.task_type == "worker"
        and cluster.task_id == 0
        and "chief" not in cluster.cluster_spec().jobs
    )


def synchronize_batch_norm(network):
    """Sets batch norms to use the statistics of the global batch.

    Without it each replica normalises by its own rows, which with small P x K
    is a noisier, different computation; with it a step on several replicas
    equals the step of one device on the same global batch. It costs one small
    exchange per layer.

    Args:
        network: A model. Its batch-norm layers are changed in place, so call
            this before the first training step.

    Returns:
        The same model.
    """
    # Keras has no public way to walk into a composite layer.
    for layer in network._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
    return network
