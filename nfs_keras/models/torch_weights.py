"""Weights from PyTorch: a ResNet of torchvision, or a network of AGW's kind."""

import pickle
import re

import numpy as np

from nfs_keras.backbones.conv_norm import EPSILON
from nfs_keras.backbones.non_local_block import NonLocalBlock
from nfs_keras.backbones.stem import IMAGENET_MEAN
from nfs_keras.models.weight_entries import check_geometry, find_conv_norms

TORCHVISION = {"visible": "", "infrared": "", "shared": ""}
AGW = {
    "visible": "visible_module.visible.",
    "infrared": "thermal_module.thermal.",
    "shared": "base_resnet.base.",
}
# A counter that nothing reads; the ImageNet classifier; and what AGW stores
# and never calls: stages behind the private stems, a stem before the shared.
UNUSED = re.compile(
    r"(.*\.)?(num_batches_tracked$|fc\.)"
    r"|(visible_module\.visible|thermal_module\.thermal)\.layer\d\."
    r"|base_resnet\.base\.(conv1|bn1)\."
)


def torch_weights(network, path):
    """Reads a PyTorch checkpoint as entries of a network and their arrays.

    Args:
        network: A `ReIDNetwork` of the backbone that was trained.
        path: File of a `state_dict`, alone or under `"net"` or
            `"state_dict"`, with torchvision's names (then both stems take the
            one stem, and the head is left alone) or with AGW's.

    Returns:
        Two dicts, as `assign_entries` takes them.
    """
    check_geometry(network, "resnet50", IMAGENET_MEAN, stride_first=False)
    arrays = {
        name: to_keras(name, array)
        for name, array in load_state_dict(path).items()
        if not UNUSED.match(name)
    }
    if not any(name.startswith(AGW["shared"]) for name in arrays):
        entries = residual_entries(network, TORCHVISION)
        return entries, {**identity_shortcut(entries, arrays), **arrays}
    check_bias(arrays.pop("bottleneck.bias", np.zeros(1)))
    entries = residual_entries(network, AGW)
    return {
        **entries,
        **non_local_entries(network),
        **norm_entries("bottleneck", network.head.neck),
        "classifier.weight": [network.head.classifier.kernel],
    }, arrays


def load_state_dict(path):
    """Reads the arrays of a checkpoint by name, running no code of it."""
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "Weights of PyTorch are read with PyTorch. "
            f"Received: source={str(path)!r}, and {error}. "
            "Install it with `pip install torch`."
        ) from error
    try:
        with torch.serialization.safe_globals(numpy_globals()):
            content = torch.load(path, map_location="cpu", weights_only=True)
        for key in ("net", "state_dict"):
            content = content.get(key, content)
        return {
            name.removeprefix("module."): tensor.float().numpy()
            for name, tensor in content.items()
        }
    except (pickle.UnpicklingError, RuntimeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            "A PyTorch checkpoint is a dict of tensors and nothing that runs. "
            f"Received: source={str(path)!r}, and {reason} "
            "Save `model.state_dict()` alone."
        ) from error


def numpy_globals():
    """What a checkpoint needs that has its accuracy beside its weights.

    AGW saves it as NumPy arrays and scalars, which are mere data.
    """
    array, scalar = (x.__reduce__()[0] for x in (np.ones(1), np.float64(1)))
    modules = ("numpy.core.multiarray", "numpy._core.multiarray")
    return [
        np.ndarray,
        np.dtype,
        *(type(np.dtype(x)) for x in ("float32", "float64", "int64")),
        *((array, f"{module}._reconstruct") for module in modules),
        *((scalar, f"{module}.scalar") for module in modules),
    ]


def to_keras(name, array):
    """Orders a kernel's axes as Keras does: outputs last."""
    if name.startswith("NL_") and array.ndim == 4:
        return array[:, :, 0, 0].T
    return array.transpose((2, 3, 1, 0)) if array.ndim == 4 else array.T


def residual_entries(network, prefixes):
    """The stems and the residual blocks, under some prefixes."""
    entries = {}
    for modality, stem in network.stems.items():
        prefix = prefixes[modality]
        names = f"{prefix}conv1", f"{prefix}bn1"
        for name, variables in conv_norm_entries(*names, stem.conv).items():
            entries.setdefault(name, []).extend(variables)
    for stage, block, part, layer in find_conv_norms(network):
        prefix = f"{prefixes['shared']}layer{stage + 1}.{block}."
        names = f"{prefix}conv{part}", f"{prefix}bn{part}"
        if part == 0:
            names = f"{prefix}downsample.0", f"{prefix}downsample.1"
        entries.update(conv_norm_entries(*names, layer))
    return entries


def conv_norm_entries(conv, norm, layer):
    """A `ConvNorm`, under PyTorch's names of its two halves."""
    kernel = {f"{conv}.weight": [layer.conv.kernel]}
    return {**kernel, **norm_entries(norm, layer.norm)}


def norm_entries(name, norm):
    """A batch normalisation, with or without an offset."""
    variables = {
        "weight": norm.gamma,
        "bias": norm.beta,
        "running_mean": norm.moving_mean,
        "running_var": norm.moving_variance,
    }
    return {
        f"{name}.{kind}": [variable]
        for kind, variable in variables.items()
        if variable is not None
    }


def non_local_entries(network):
    """AGW's non-local blocks, under its names."""
    entries = {}
    for i, stage in enumerate(network.stages, start=1):
        blocks = [b for b in stage.blocks if isinstance(b, NonLocalBlock)]
        for j, block in enumerate(blocks):
            prefix = f"NL_{i}.{j}."
            layers = {"theta": block.theta, "phi": block.phi}
            layers |= {"g.0": block.g, "W.0": block.w}
            for name, layer in layers.items():
                entries[f"{prefix}{name}.weight"] = [layer.kernel]
                entries[f"{prefix}{name}.bias"] = [layer.bias]
            entries.update(norm_entries(f"{prefix}W.1", block.norm))
    return entries


def identity_shortcut(entries, arrays):
    """What stands for the shortcut that ResNet-18 has not in its first block.

    Ours is a convolution, for a gate to govern. As the identity it changes
    nothing at inference; training normalises what passes it.
    """
    prefix = "layer1.0.downsample."
    if f"{prefix}0.weight" in arrays:
        return {}
    kernel = entries[f"{prefix}0.weight"][0]
    ones = np.ones(kernel.shape[-1], "float32")
    if kernel.shape[-2] != len(ones):
        return {}
    norm = {"weight": ones, "bias": 0 * ones}
    norm |= {"running_mean": 0 * ones, "running_var": ones - EPSILON}
    shortcut = {f"{prefix}1.{kind}": array for kind, array in norm.items()}
    return {f"{prefix}0.weight": np.diag(ones)[None, None], **shortcut}


def check_bias(bias):
    """Raises `ValueError` unless AGW's frozen bias is zero, as ours is."""
    if bias.any():
        raise ValueError(
            "The batch-norm neck has no bias. Received: `bottleneck.bias`, "
            f"up to {np.abs(bias).max():.3g}. Train it again with the bias "
            "frozen at zero, as AGW does."
        )
