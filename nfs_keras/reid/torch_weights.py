"""Reads PyTorch weights: a ResNet of torchvision, or a network of AGW."""

import pickle
import re

import numpy as np

from nfs_keras.reid.imagenet_weights import STEMS, check_geometry

# An unused counter; the ImageNet classifier; and layers that AGW stores but
# never calls: stages after the private stems, a stem before the shared layers.
UNUSED = re.compile(
    r"(.*\.)?(num_batches_tracked$|fc\.)"
    r"|(visible_module\.visible|thermal_module\.thermal)\.layer\d\."
    r"|base_resnet\.base\.(conv1|bn1)\."
)
AGW = {  # the beginning of a name there, and here
    "visible_module.visible.": STEMS[0],
    "thermal_module.thermal.": STEMS[1],
    "base_resnet.base.": "",
}
VARIABLES = {
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
PARTS = {"g.0": "g", "W.0": "w"}  # of a non-local block, where names differ


def torch_arrays(network, path):
    """Reads a PyTorch checkpoint as arrays by our names.

    Args:
        network: A `ReIDNetwork` of the backbone that was trained.
        path: File of a `state_dict`, alone or under `"net"` or
            `"state_dict"`, with torchvision's names (then both stems get the
            weights of the one stem, and the head is left out) or with AGW's.

    Returns:
        Dict from name to array.
    """
    check_geometry(network, "resnet50")
    names = set(network.named_variables())
    stored = {
        name: array
        for name, array in load_state_dict(path).items()
        if not UNUSED.match(name)
    }
    check_bias(stored.pop("bottleneck.bias", np.zeros(1)))
    arrays = {}
    for name, array in stored.items():
        for ours in our_names(name, names):
            arrays[ours] = to_keras(ours, array)
    return {**identity_shortcut(network, arrays), **arrays}


def our_names(name, names):
    """Lists our names of an entry: two if both stems get its weights.

    Args:
        name: A name of torchvision's or AGW's.
        names: The names of the network's variables.
    """
    prefixes = [""]
    if re.match(r"(conv|bn)1\.", name):
        prefixes = STEMS
    for theirs, ours in AGW.items():
        if name.startswith(theirs):
            name, prefixes = name.removeprefix(theirs), [ours]
    *path, variable = name.split(".")
    return [
        f"{prefix}{'/'.join(rename(path, variable, names))}"
        for prefix in prefixes
    ]


def rename(path, variable, names):
    """Returns our name of a variable, in parts: first that of its layer."""
    module = ".".join(path)
    if module == "classifier":
        return "classifier", "kernel"
    if module == "bottleneck":
        return "neck", norm_variable(variable)
    if module in ("conv1", "bn1"):
        return rename_part("", "conv", module[:-1], variable)
    found = re.fullmatch(r"NL_(\d)\.(\d)\.(.+)", module)
    if found:
        stage, number, part = found.groups()
        blocks = sorted(
            (n.split("/")[0] for n in names if is_theta(n, stage)),
            key=lambda n: int(re.search(r"block(\d+)", n)[1]),
        )
        if int(number) >= len(blocks):
            return (f"{module}.{variable}",)  # of a larger network
        block = blocks[int(number)]
        if part == "W.1":
            return f"{block}_norm", norm_variable(variable)
        kind = "kernel" if variable == "weight" else "bias"
        return block, PARTS.get(part, part), kind
    found = re.fullmatch(
        r"layer(\d)\.(\d+)\.(conv|bn|downsample)\.?(\d)", module
    )
    if not found:
        return (f"{module}.{variable}",)
    stage, block, kind, number = found.groups()
    prefix, part = f"stage{stage}_block{int(block) + 1}_", f"conv{number}"
    if kind == "downsample":
        kind, part = ("conv", "bn")[int(number)], "shortcut"
    return rename_part(prefix, part, kind, variable)


def rename_part(prefix, part, kind, variable):
    """Returns our name of a variable of a convolution or its batch norm."""
    if kind == "conv":
        return f"{prefix}{part}", "kernel"
    return f"{prefix}{part}_norm", norm_variable(variable)


def norm_variable(variable):
    """Returns our name of a batch norm's variable."""
    return VARIABLES.get(variable, "gamma")


def is_theta(name, stage):
    """Returns whether a name belongs to a stage's non-local block."""
    return re.match(rf"stage{stage}_block\d+_non_local/theta/kernel", name)


def load_state_dict(path):
    """Reads the arrays of a checkpoint by name, without running its code."""
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "Reading PyTorch weights requires PyTorch. "
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
            "A PyTorch checkpoint must be a dict of tensors without code. "
            f"Received: source={str(path)!r}, and {reason} "
            "Save only `model.state_dict()`."
        ) from error


def numpy_globals():
    """Lists the NumPy types that may be unpickled from a checkpoint.

    AGW saves its accuracy beside its weights, as NumPy arrays and scalars,
    which contain no code.
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
    """Reorders a kernel's axes for Keras: outputs last."""
    if "non_local/" in name and array.ndim == 4:
        return array[:, :, 0, 0].T
    return array.transpose((2, 3, 1, 0)) if array.ndim == 4 else array.T


def identity_shortcut(network, arrays):
    """Makes identity weights for a shortcut that torchvision does not have.

    The first block of ResNet-18 has a convolution as its shortcut here, so
    that a gate can scale it. As the identity it changes nothing at inference;
    in training its batch norm normalises the maps.
    """
    name = "stage1_block1_shortcut"
    kernel = network.named_variables()[f"{name}/kernel"]
    ones = np.ones(kernel.shape[-1], "float32")
    if f"{name}/kernel" in arrays or kernel.shape[-2] != len(ones):
        return {}
    return {
        f"{name}/kernel": np.diag(ones)[None, None],
        f"{name}_norm/gamma": ones,
        f"{name}_norm/beta": 0 * ones,
        f"{name}_norm/moving_mean": 0 * ones,
        f"{name}_norm/moving_variance": ones - 1e-5,  # our epsilon
    }


def check_bias(bias):
    """Raises `ValueError` unless AGW's frozen bias is zero, as ours is."""
    if bias.any():
        raise ValueError(
            "The batch-norm neck has no bias. Received: `bottleneck.bias`, "
            f"up to {np.abs(bias).max():.3g}. Retrain the network with the "
            "bias frozen at zero, as AGW does."
        )
