"""The mathematics of feature search, as pure functions of `keras.ops`.

A *gate* is a keep-or-drop choice with one logit `a` and P(keep) = sigmoid(a).
Three relaxations make the choice differentiable:

- `"hard_concrete"`: a concrete variable stretched to (gamma, zeta) and clipped
  to [0, 1], so that it is exactly 0 or 1 with positive probability
  (Louizos, Welling, Kingma 2018).
- `"binary_concrete"`: the concrete variable itself, strictly inside (0, 1)
  (Maddison et al. 2017).
- `"straight_through"`: a hard 0 or 1 forward, the gradient of the concrete
  variable backward (Bengio et al. 2013).

The paper names only "a reparameterisation trick"; which one is our choice.
"""

import math

import keras
from keras import ops

RELAXATIONS = ("hard_concrete", "binary_concrete", "straight_through")

STRETCH_LOW = -0.1  # gamma
STRETCH_HIGH = 1.1  # zeta


def logistic_noise(shape, seed):
    """Draws standard logistic noise, log(u) - log(1 - u) with u ~ U(0, 1).

    Args:
        shape: Tuple of ints or scalar tensors.
        seed: Int or `keras.random.SeedGenerator`.

    Returns:
        A float32 tensor of `shape`, finite everywhere.
    """
    epsilon = keras.config.epsilon()
    uniform = keras.random.uniform(
        shape, epsilon, 1.0 - epsilon, dtype="float32", seed=seed
    )
    return ops.log(uniform) - ops.log1p(-uniform)


def relaxed_bernoulli(
    logits, temperature, relaxation: str = "hard_concrete", noise=None
):
    """Relaxes keep-or-drop choices so that gradients reach their logits.

    Args:
        logits: Float tensor of any shape.
        temperature: Positive scalar. The smaller, the harder the choice.
        relaxation: One of `RELAXATIONS`.
        noise: Logistic noise that broadcasts against `logits`, or `None` for
            the noise-free gate of inference.

    Returns:
        Gates in [0, 1], of the broadcast shape of `logits` and `noise`.
    """
    if noise is not None:
        logits = logits + noise
    soft = ops.sigmoid(logits / temperature)
    if relaxation == "binary_concrete":
        return soft
    if relaxation == "hard_concrete":
        stretched = soft * (STRETCH_HIGH - STRETCH_LOW) + STRETCH_LOW
        return ops.clip(stretched, 0.0, 1.0)
    if relaxation == "straight_through":
        hard = ops.cast(soft > 0.5, soft.dtype)
        # `soft - stop_gradient(soft)` is exactly zero: the value is `hard`.
        return hard + (soft - ops.stop_gradient(soft))
    raise ValueError(
        f"`relaxation` must be one of {RELAXATIONS}. "
        f"Received: relaxation={relaxation!r}. "
        "Pass one of these names."
    )


def derived_gate(logits):
    """Decides each gate: 1 where P(keep) > 0.5, that is logit > 0, else 0."""
    return ops.cast(logits > 0, logits.dtype)


def open_probability(logits, temperature, relaxation: str = "hard_concrete"):
    """Computes the probability that each gate is not closed.

    Args:
        logits: Float tensor of any shape.
        temperature: Positive scalar.
        relaxation: One of `RELAXATIONS`.

    Returns:
        Probabilities shaped like `logits`: P(z > 0) for `"hard_concrete"`,
        P(s > 0.5) = sigmoid(logits) for the other two.
    """
    if relaxation == "hard_concrete":
        shift = math.log(-STRETCH_LOW / STRETCH_HIGH)
        return ops.sigmoid(logits - temperature * shift)
    return ops.sigmoid(logits)


def gate_entropy(logits):
    """Computes each gate's entropy in bits: 1 undecided, 0 decided."""
    keep = ops.sigmoid(logits)
    # softplus(-a) = -log(sigmoid(a)): exact where the logarithm would underflow
    nats = keep * ops.softplus(-logits) + (1 - keep) * ops.softplus(logits)
    return nats / math.log(2.0)


def generalized_mean(maps, power, epsilon: float = 1e-4):
    """Pools feature maps by the generalised mean (Radenovic et al. 2018).

    Args:
        maps: Float tensor of shape `(batch, height, width, channels)`.
        power: Positive scalar p. 1 is the average; the larger, the nearer to
            the maximum.
        epsilon: Smallest value that is pooled; smaller ones are raised to it.
            With power 3 the default pools an all-zero map as AGW does.

    Returns:
        Float tensor of shape `(batch, channels)`.
    """
    powered = ops.power(ops.maximum(maps, epsilon), power)
    return ops.power(ops.mean(powered, axis=(1, 2)), 1.0 / power)


def pairwise_distances(a, b=None, squared: bool = False):
    """Measures Euclidean distances between the rows of two matrices.

    Args:
        a: Float tensor of shape `(n, dim)`.
        b: Float tensor of shape `(m, dim)`. Defaults to `a`.
        squared: Whether to leave out the square root.

    Returns:
        Non-negative tensor of shape `(n, m)`. Where a distance is 0 its
        gradient is 0, not NaN.
    """
    b = a if b is None else b
    product = ops.matmul(a, ops.transpose(b))
    norms_a = ops.sum(ops.square(a), axis=1, keepdims=True)
    norms_b = ops.sum(ops.square(b), axis=1, keepdims=True)
    distances = ops.maximum(norms_a - 2 * product + ops.transpose(norms_b), 0.0)
    return distances if squared else safe_sqrt(distances)


def safe_sqrt(x):
    """Takes a square root whose gradient at 0 is 0 instead of infinite."""
    positive = x > 0
    return ops.where(positive, ops.sqrt(ops.where(positive, x, 1.0)), 0.0)


def l2_normalize(x, axis: int = -1, epsilon: float = 1e-12):
    """Scales vectors to length 1; in float32, for float16 would overflow.

    Args:
        x: Float tensor.
        axis: The axis of the vectors.
        epsilon: Smallest squared length that is divided by: a zero vector
            stays zero.

    Returns:
        Float32 (or float64) tensor shaped like `x`.
    """
    x = at_least_float32(x)
    squared = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return x * ops.rsqrt(ops.maximum(squared, epsilon))


def at_least_float32(x):
    """Casts half precision up to float32, leaves float32 and float64 alone."""
    x = ops.convert_to_tensor(x)
    dtype = keras.backend.standardize_dtype(x.dtype)
    return x if dtype == "float64" else ops.cast(x, "float32")
