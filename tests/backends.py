"""What the tests need of each Keras backend: gradients and compilation."""

import keras
import numpy as np
from keras import ops

BACKEND = keras.backend.backend()


def gradients(function, layer, *arguments):
    """Differentiates a scalar with respect to an input and trained weights.

    Args:
        function: Takes the layer's training outputs, returns a scalar.
        layer: A built layer.
        *arguments: The layer's arguments; the first is differentiated.

    Returns:
        List of arrays: for the first argument, then each trainable weight.
    """
    found = GRADIENTS[BACKEND](function, layer, *arguments)
    return [None if g is None else ops.convert_to_numpy(g) for g in found]


def compiled(layer, jit_compile=False, training=False):
    """Compiles `layer`'s call; its variables stay variable."""
    return COMPILED[BACKEND](layer, jit_compile, training)


def _tensorflow_gradients(function, layer, x, *rest):
    import tensorflow as tf

    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(layer(x, *rest, training=True))
    return tape.gradient(
        value, [x, *[w.value for w in layer.trainable_weights]]
    )


def _jax_gradients(function, layer, x, *rest):
    import jax

    def value(x, weights):
        state = [v.value for v in layer.non_trainable_variables]
        outputs, _ = layer.stateless_call(
            weights, state, x, *rest, training=True
        )
        return function(outputs)

    weights = [v.value for v in layer.trainable_variables]
    of_x, of_weights = jax.grad(value, argnums=(0, 1))(np.asarray(x), weights)
    return [of_x, *of_weights]


def _torch_gradients(function, layer, x, *rest):
    import torch

    x = torch.tensor(x, requires_grad=True)
    layer.zero_grad()
    function(layer(x, *rest, training=True)).backward()
    return [x.grad, *[w.value.grad for w in layer.trainable_weights]]


def _tensorflow_compiled(layer, jit_compile, training):
    import tensorflow as tf

    return tf.function(
        lambda *arguments: layer(*arguments, training=training),
        jit_compile=jit_compile,
    )


def _jax_compiled(layer, jit_compile, training):
    import jax

    @jax.jit  # JAX has no graph mode between eager and XLA
    def run(trained, state, *arguments):
        return layer.stateless_call(
            trained, state, *arguments, training=training
        )

    def call(*arguments):
        trained = [v.value for v in layer.trainable_variables]
        state = [v.value for v in layer.non_trainable_variables]
        outputs, state = run(trained, state, *arguments)
        for variable, value in zip(
            layer.non_trainable_variables, state, strict=True
        ):
            variable.assign(value)
        return outputs

    return call


def _torch_compiled(layer, jit_compile, training):
    return lambda *arguments: layer(*arguments, training=training)


GRADIENTS = {
    "tensorflow": _tensorflow_gradients,
    "jax": _jax_gradients,
    "torch": _torch_gradients,
}
COMPILED = {
    "tensorflow": _tensorflow_compiled,
    "jax": _jax_compiled,
    "torch": _torch_compiled,
}
