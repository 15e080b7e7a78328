"""Checks the arguments of the losses."""

from numbers import Real

from keras import ops


def identity_vector(y_true, y_pred):
    """Checks a batch of identities and embeddings; returns the identities.

    Args:
        y_true: Identities, of shape `(batch,)` or `(batch, 1)`.
        y_pred: Embeddings, of shape `(batch, dim)`.

    Returns:
        Identities of shape `(batch,)`.

    Raises:
        ValueError: If the shapes are others, for example one-hot labels.
    """
    labels_fit = len(y_true.shape) == 1 or tuple(y_true.shape[1:]) == (1,)
    if not labels_fit or len(y_pred.shape) != 2:
        raise ValueError(
            "A triplet loss compares embeddings of shape `(batch, dim)` by "
            "integer identities of shape `(batch,)`. "
            f"Received: y_true.shape={tuple(y_true.shape)}, "
            f"y_pred.shape={tuple(y_pred.shape)}. "
            "Pass identities, not one-hot vectors, and flat embeddings."
        )
    return ops.reshape(y_true, (-1,))


def check_margin(margin):
    """Raises unless `margin` is a number that is not negative."""
    if not is_number(margin) or not margin >= 0:
        raise ValueError(
            "`margin` must be a number that is not negative. "
            f"Received: margin={margin!r}. "
            "Pass for example `margin=0.3`."
        )


def check_temperature(temperature):
    """Raises unless `temperature` is a positive number."""
    if not is_number(temperature) or not temperature > 0:
        raise ValueError(
            "`temperature` must be positive, for it divides similarities. "
            f"Received: temperature={temperature!r}. "
            "Pass for example `temperature=0.1`."
        )


def check_distance_metric(distance_metric):
    """Raises unless `addons_distances` knows `distance_metric`."""
    known = ("L2", "squared-L2", "angular")
    if distance_metric not in known and not callable(distance_metric):
        raise ValueError(
            f"`distance_metric` must be one of {known} or a callable. "
            f"Received: distance_metric={distance_metric!r}. "
            "Pass one of these names, or a function of the embeddings that "
            "returns their distance matrix."
        )


def is_number(value):
    """Whether `value` is a Python or NumPy number; a bool is none."""
    return isinstance(value, Real) and not isinstance(value, bool)
