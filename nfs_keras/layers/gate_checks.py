"""What the arguments of a search gate must be."""

import keras
import numpy as np
from keras import ops

from nfs_keras.ops import RELAXATIONS


def check_gate_arguments(
    num_modalities, relaxation, noise, initial_temperature, sparsity
):
    """Raises `ValueError` unless a gate can be made of these arguments."""
    if num_modalities < 1:
        raise ValueError(
            "A search gate needs at least one modality. "
            f"Received: num_modalities={num_modalities}. "
            "Pass 1 for a single-stream model, 2 for visible and infrared."
        )
    if relaxation not in RELAXATIONS:
        raise ValueError(
            f"`relaxation` must be one of {RELAXATIONS}. "
            f"Received: relaxation={relaxation!r}. "
            "Pass one of these names."
        )
    if noise not in ("sample", "batch"):
        raise ValueError(
            "`noise` must be 'sample' or 'batch'. "
            f"Received: noise={noise!r}. "
            "Pass 'sample' for one draw per sample, 'batch' for one per batch."
        )
    if initial_temperature <= 0:
        raise ValueError(
            "A gate's temperature must be positive. "
            f"Received: initial_temperature={initial_temperature}. "
            "Use a small value such as 0.1 for nearly hard gates."
        )
    if sparsity < 0:
        raise ValueError(
            "`sparsity` is the weight of a loss that closes gates. "
            f"Received: sparsity={sparsity}. "
            "Pass 0.0 for none, or a small positive number."
        )


def checked_modality(gate, modality, batch_size):
    """Returns the modality as a tensor or int, or raises `ValueError`."""
    if modality is None:
        raise ValueError(
            f"`{type(gate).__name__}` needs each sample's modality. "
            f"Received: modality=None, num_modalities={gate.num_modalities}. "
            "Call it with `modality=...`, an int vector of shape (batch,), or "
            "make it with `num_modalities=1`."
        )
    is_int = isinstance(modality, int) and not isinstance(modality, bool)
    if not is_int and not hasattr(modality, "shape"):
        modality = np.asarray(modality)
    shape = (batch_size,) if is_int else tuple(modality.shape)
    whole = is_int or "int" in str(modality.dtype)
    lengths = (shape[0] if shape else None, batch_size)
    known = all(isinstance(length, int) for length in lengths)
    if not whole or len(shape) != 1 or (known and lengths[0] != lengths[1]):
        raise ValueError(
            "`modality` must hold one integer per sample. "
            f"Received: modality of shape {shape}, batch_size={batch_size}, "
            f"dtype={getattr(modality, 'dtype', type(modality).__name__)}. "
            "Give integers of the shape (batch,), or one Python int."
        )
    values = concrete_values(modality)
    if values is not None and values.size:
        if values.min() < 0 or values.max() >= gate.num_modalities:
            raise ValueError(
                f"`modality` must lie in [0, {gate.num_modalities}). "
                f"Received: modality={np.unique(values).tolist()}. "
                "Number the modalities from 0: visible 0, infrared 1."
            )
    return modality


def check_built(gate):
    """Raises `ValueError` if a gate has no variables yet."""
    if gate.logits is None:
        raise ValueError(
            f"`{type(gate).__name__}` must be built before it is used. "
            f"Received: layer {gate.name!r}, not built. "
            "First call the layer, or the model that contains it."
        )


def check_mask(gate, mask):
    """Raises `ValueError` unless a mask fits the gate's logits."""
    shape, given = tuple(gate.logits.shape), tuple(np.shape(mask))
    try:
        fits = np.broadcast_shapes(given, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"A mask must broadcast to the shape of the logits, {shape}. "
            f"Received: mask of shape {given}. "
            "Give one value per modality and choice, or 1.0 for all open."
        )
    values = ops.convert_to_numpy(mask)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(
            "A mask holds numbers between 0, closed, and 1, open. "
            f"Received: mask of values {values.min()} to {values.max()}. "
            "Assign logits to `logits`; `freeze` takes a mask."
        )


def concrete_values(tensor):
    """Returns an eager tensor as an array, and `None` for a symbolic one."""
    if isinstance(tensor, keras.KerasTensor):
        return None
    try:
        return ops.convert_to_numpy(tensor)
    except (NotImplementedError, TypeError, ValueError, AttributeError):
        return None  # each backend raises its own error for a traced tensor
