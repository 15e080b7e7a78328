"""What the tests need of each Keras backend: gradients and compilation."""

import functools

import keras
from keras import ops

BACKEND = keras.backend.backend()
# The values of `jit_compile` that make a difference.
FORMS = {"tensorflow": (False, True), "jax": (True,), "torch": (False,)}
COMPILED_FORMS = FORMS[BACKEND]
# Elsewhere a case for each path of the code is enough; TensorFlow has all.
THOROUGHLY = BACKEND == "tensorflow"


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


def quick(layer, training=False):
    """The layer, as one program where each operation would be compiled."""
    if BACKEND == "jax":
        return compiled(layer, training=training)
    return functools.partial(layer, training=training)


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
    trained = [v.value for v in layer.trainable_variables]
    state = [v.value for v in layer.non_trainable_variables]
    run = _jax_gradient(function, layer)
    of_x, of_trained = run(x, trained, state, *rest)
    return [of_x, *of_trained]


@functools.cache
def _jax_gradient(function, layer):
    """Compiles the gradient once for each shape, instead of each operation."""
    import jax

    def value(x, trained, state, *rest):
        outputs, _ = _stateless(layer, True, trained, state, x, *rest)
        return function(outputs)

    return jax.jit(jax.grad(value, argnums=(0, 1)))


def _stateless(layer, training, trained, state, *arguments):
    """Calls a layer with given variables; gives its outputs and new state."""
    variables = [*layer.trainable_variables, *layer.non_trainable_variables]
    values = [*trained, *state]
    with keras.StatelessScope(zip(variables, values, strict=True)) as scope:
        # Not `stateless_call`: it insists on a `training` argument.
        outputs = layer(*arguments, training=training)
    state = [scope.get_current_value(v) for v in layer.non_trainable_variables]
    return outputs, state


def _torch_gradients(function, layer, x, *rest):
    import torch

    x = torch.tensor(x, requires_grad=True)
    layer.zero_grad()
    function(layer(x, *rest, training=True)).backward()
    return [x.grad, *[w.value.grad for w in layer.trainable_weights]]


def _tensorflow_compiled(layer, jit_compile, training):
    import tensorflow as tf

    function = tf.function(
        lambda *arguments: layer(*arguments, training=training),
        jit_compile=jit_compile,
    )

    def call(*arguments):
        arguments = [tf.convert_to_tensor(x) for x in arguments]
        # A batch of any size, as `fit` traces it.
        specs = [
            tf.TensorSpec([None, *x.shape[1:]], x.dtype) for x in arguments
        ]
        return function.get_concrete_function(*specs)(*arguments)

    return call


def _jax_compiled(layer, jit_compile, training):
    import jax

    # JAX knows no graph mode between eager and XLA.
    run = jax.jit(functools.partial(_stateless, layer, training))

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
