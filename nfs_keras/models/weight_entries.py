"""Weights by name: what a network takes, and what a file has to give."""

from nfs_keras.backbones.residual_block import ResidualBlock
from nfs_keras.backbones.stem import Stem

MOST_FLAWS = 20  # that one error lists


def assign_entries(entries, arrays, source):
    """Gives variables the arrays of the same name: all of them, or none.

    Args:
        entries: Dict from name to the list of variables that take its array.
        arrays: Dict from name to NumPy array.
        source: What the arrays come from, for the error.

    Raises:
        ValueError: If names or shapes differ, listing where.
    """
    flaws = find_flaws(entries, arrays)
    if flaws:
        listed = flaws[:MOST_FLAWS]
        if len(flaws) > MOST_FLAWS:
            listed.append(f"and {len(flaws) - MOST_FLAWS} more")
        raise ValueError(
            "A network takes weights that have its names and shapes. "
            f"Received: source={str(source)!r}, where {'; '.join(listed)}. "
            "Make the network as the source was made; a classifier of other "
            "identities is left alone with `skip_classifier=True`."
        )
    for name, variables in entries.items():
        for variable in variables:
            variable.assign(arrays[name])


def find_flaws(entries, arrays):
    """Lists what is missing, unknown or of another shape, in words."""
    flaws = [f"{name} is missing" for name in entries if name not in arrays]
    for name, array in arrays.items():
        if name not in entries:
            flaws.append(f"{name} is unknown, of shape {array.shape}")
            continue
        for variable in entries[name]:
            if tuple(variable.shape) != array.shape:
                flaws.append(
                    f"{name} is of shape {array.shape}, "
                    f"not {tuple(variable.shape)}"
                )
                break
    return flaws


def find_conv_norms(network):
    """Lists `(stage, block, part, layer)` of all residual blocks.

    Stages and blocks count from 0, non-local blocks left out. Part 0 is the
    shortcut, where there is one; the branch's parts count from 1.
    """
    return [
        (i, j, part, layer)
        for i, stage in enumerate(network.stages)
        for j, block in enumerate(residual_blocks(stage))
        for part, layer in enumerate((block.shortcut, *block.branch))
        if layer is not None
    ]


def residual_blocks(stage):
    """Lists the residual blocks of a stage."""
    return [b for b in stage.blocks if isinstance(b, ResidualBlock)]


def check_geometry(network, backbone, mean, stride_first):
    """Raises `ValueError` unless a ResNet's weights mean the same here.

    Args:
        network: A `ReIDNetwork`.
        backbone: Name of the function that makes a backbone for the weights.
        mean: What its stems subtract from the pixels.
        stride_first: Where its bottlenecks have their stride.
    """
    stems = network.stems.values()
    blocks = [b for stage in network.stages for b in residual_blocks(stage)]
    fits = (
        blocks
        and all(isinstance(s, Stem) and tuple(s.mean) == mean for s in stems)
        and all(b.stride_first == stride_first for b in blocks)
    )
    if not fits:
        raise ValueError(
            "A ResNet's weights fit where pixels and strides are treated as "
            f"they were trained. Received: network={network.name!r}, which "
            "does not. Make it with "
            f"`reid_network(backbone={backbone!r}, ...)`."
        )
