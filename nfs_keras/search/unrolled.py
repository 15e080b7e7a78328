"""The second-order gradient of the gates, by finite difference."""

import tensorflow as tf

from nfs_keras.layers import find_gates

STEP = 0.01  # of the finite difference, over the length of its direction


def unrolled_gradients(model, train, proxy):
    """Differentiates the gates' loss after one virtual step of the weights.

    With lower loss L, upper loss U, learning rate x, weights w and logits a,
    and w' = w - x dL/dw(w, a) the weights after one plain gradient step:

        dU/da(w', a) - x (dL/da(w+, a) - dL/da(w-, a)) / (2 e)

    where w+- = w +- e dU/dw(w', a). All terms share one draw of the noise and
    the moving batch-norm statistics, and the weights are restored exactly.

    Args:
        model: A compiled `SearchModel`.
        train: A training batch.
        proxy: A proxy batch.

    Returns:
        One gradient per search variable, scaled as `arch_optimizer` expects.

    Reference:
        Liu, Simonyan, Yang, "DARTS: Differentiable Architecture Search", ICLR
        2019, equations 7 and 8.
    """
    weights = model.weight_variables
    saved = [tf.identity(v.value) for v in weights]
    seeds = save_seeds(model)
    rate = tf.cast(model.optimizer.learning_rate, "float32")

    descent = lower_gradients(model, train, weights)
    move(weights, saved, descent, -rate)
    restore_seeds(model, seeds)
    upper, direction = upper_gradients(model, proxy, weights)

    epsilon = STEP / (tf.linalg.global_norm(direction) + 1e-12)
    ahead, behind = [], []
    for sign, gradients in ((1.0, ahead), (-1.0, behind)):
        move(weights, saved, direction, sign * epsilon)
        restore_seeds(model, seeds)
        gradients += lower_gradients(model, train, model.search_variables)
    move(weights, saved, saved, 0.0)

    curvature = [
        (a - b) / (2 * epsilon) for a, b in zip(ahead, behind, strict=True)
    ]
    return [u - rate * c for u, c in zip(upper, curvature, strict=True)]


def lower_gradients(model, batch, variables):
    """Differentiates the weights' loss by some variables."""
    scale = model.arch_optimizer.scale_loss(tf.constant(1.0))
    values = [v.value for v in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(values)
        loss = scale * model.lower_loss(batch)  # float16 would underflow
    gradients = tape.gradient(loss, values, unconnected_gradients="zero")
    return [gradient / scale for gradient in gradients]


def upper_gradients(model, batch, weights):
    """Differentiates the gates' loss by the logits and by the weights.

    Both are scaled as `arch_optimizer` expects. So is the curvature, because
    the length of its finite difference does not depend on the scale.
    """
    logits = [v.value for v in model.search_variables]
    values = [v.value for v in weights]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(logits + values)
        loss = model.arch_optimizer.scale_loss(model.arch_loss(batch))
    return tape.gradient(loss, (logits, values), unconnected_gradients="zero")


def move(weights, start, direction, length):
    """Sets the weights to `start + length * direction`."""
    for variable, value, step in zip(weights, start, direction, strict=True):
        variable.assign(value + length * step)


def save_seeds(model):
    """Copies the state of every gate's noise."""
    gates = find_gates(model.model)
    return [tf.identity(g.seed_generator.state.value) for g in gates]


def restore_seeds(model, seeds):
    """Restores the state that `save_seeds` copied, to repeat the same draws."""
    for gate, seed in zip(find_gates(model.model), seeds, strict=True):
        gate.seed_generator.state.assign(seed)
