"""Batch normalisation over the batch of all replicas."""

import keras


def synchronize_batch_norm(network):
    """Lets a network normalise by the statistics of the global batch.

    Without it each replica normalises by its own rows, which with P x K small
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
