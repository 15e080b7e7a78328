"""What a search gate can be made of, and called with."""

import numpy as np
from keras import ops

from nfs_keras.ops import RELAXATIONS


def check_gate_arguments(
    num_modalities, relaxation, noise, initial_temperature
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


def check_modality(gate, modality, batch_size):
    """Raises `ValueError` for a modality vector that is seen to be wrong."""
    if modality is None:
        raise ValueError(
            f"`{type(gate).__name__}` needs each sample's modality. "
            f"Received: modality=None, num_modalities={gate.num_modalities}. "
            "Call it with `modality=...`, an int vector of shape (batch,), or "
            "make it with `num_modalities=1`."
        )
    shape = (batch_size,)
    if not isinstance(modality, int):
        shape = tuple(modality.shape)
    lengths = (shape[0] if shape else None, batch_size)
    known = all(isinstance(length, int) for length in lengths)
    if len(shape) != 1 or (known and lengths[0] != lengths[1]):
        raise ValueError(
            "`modality` must hold one integer per sample. "
            f"Received: modality of shape {shape}, batch_size={batch_size}. "
            "Give it the shape (batch,)."
        )
    values = concrete_values(modality)
    if values is not None and values.size:
        if values.min() < 0 or values.max() >= gate.num_modalities:
            raise ValueError(
                f"`modality` must lie in [0, {gate.num_modalities}). "
                f"Received: modality={np.unique(values).tolist()}. "
                "Use 0 for visible and 1 for infrared."
            )


def check_mask(gate, mask):
    """Raises `ValueError` unless a mask broadcasts to the gate's logits."""
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


def concrete_values(tensor):
    """Gives an eager tensor as an array, and `None` for a symbolic one."""
    try:
        return ops.convert_to_numpy(tensor)
    except (NotImplementedError, TypeError, ValueError, AttributeError):
        return None  # each backend refuses a traced tensor in its own way
