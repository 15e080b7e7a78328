"""The loss that a model is compiled with: checked, named and computed."""

import keras
from keras import ops

from nfs_keras.layers.replicas import num_replicas
from nfs_keras.search.graph import is_graph


def check_loss(loss, model):
    """Replaces names by losses; raises `ValueError` for an invalid loss."""
    outputs = model.output if is_graph(model) else None
    names = list(outputs) if isinstance(outputs, dict) else []
    if isinstance(loss, dict):
        if outputs is not None and not set(loss) <= set(names):
            raise ValueError(
                "A dict of losses has keys of the model's dict of outputs. "
                f"Received: loss of {list(loss)}, outputs {names or outputs}. "
                "Make the model as `keras.Model(inputs, {'name': output})`, "
                "and pass losses by these names."
            )
        return {name: one_loss(part) for name, part in loss.items()}
    loss = one_loss(loss)
    of_keras = type(loss).__module__.startswith("keras.")
    if of_keras and isinstance(outputs, (dict, list, tuple)):
        raise ValueError(
            "A Keras loss compares one output with its targets. "
            f"Received: loss={loss!r}, for outputs {names or outputs}. "
            "Pass a dict of losses by output, for a model with a dict of "
            "outputs, or a function of (targets, outputs)."
        )
    return loss


def one_loss(loss):
    """Replaces a name by a loss; raises `ValueError` for anything else."""
    if isinstance(loss, str):
        return loss_object(loss)
    if not callable(loss):
        raise ValueError(
            f"Training requires a loss. Received: loss={loss!r}. "
            "Pass a Keras loss, a dict of losses by output, or a function of "
            "(targets, outputs)."
        )
    return loss


def loss_object(name):
    """Returns the Keras loss of a name, as an object with sample weights."""
    found = keras.losses.get(name)
    if isinstance(found, keras.losses.Loss):
        return found
    words = found.__name__.split("_")
    cls = getattr(keras.losses, "".join(map(str.capitalize, words)), None)
    return found if cls is None else cls()


def check_no_loss_weights(arguments):
    """Raises `ValueError` for an argument that would be left unused."""
    if arguments.get("loss_weights") is not None:
        raise ValueError(
            "Losses are weighted inside the loss function. "
            f"Received: loss_weights={arguments['loss_weights']}. "
            "Pass `loss` as a function of (targets, outputs)."
        )


def part_names(loss):
    """Lists the parts that a loss reports, as far as it says so."""
    return list(loss if isinstance(loss, dict) else getattr(loss, "parts", ()))


def loss_of(loss, targets, outputs, sample_weight=None):
    """Computes a loss of one batch.

    Args:
        loss: As for `TrainingModel.compile`.
        targets: Targets, in the form that the loss accepts.
        outputs: The outputs of the model.
        sample_weight: Weights of the samples, or `None`.

    Returns:
        `(total, parts)`: a float32 scalar, and a dict of scalars by name.
    """
    if isinstance(loss, dict):
        parts = {
            name: loss_of(part, targets[name], outputs[name], sample_weight)[0]
            for name, part in loss.items()
        }
        return sum(parts.values()), parts
    if isinstance(loss, keras.losses.Loss):
        return loss(targets, outputs, sample_weight=sample_weight), {}
    if sample_weight is not None:
        raise ValueError(
            "Sample weights require a `keras.losses.Loss`. "
            f"Received: loss={loss!r}, with sample weights. "
            "Pass batches of pairs, or a Keras loss."
        )
    found = loss(targets, outputs)
    total, parts = found if isinstance(found, tuple) else (found, {})
    if len(total.shape):  # a Keras loss function: one number per sample
        total = ops.mean(total) / num_replicas()
    return total, parts
