"""Cuts what a derived network does not use out of it."""

import numpy as np
from keras import ops

from nfs_keras.backbones import NonLocalBlock, Stage, make_cell
from nfs_keras.backbones.residual_block import ResidualBlock
from nfs_keras.models.reid_network import MODALITIES, ReIDNetwork


def compact(network, modality=None):
    """Makes a smaller network that gives the same embeddings.

    A channel that no modality keeps is zero in all of its stage, so it can be
    cut out of the convolutions, batch norms and shortcuts there, out of what
    the next stage reads, and at the end out of the embedding. Channels that
    one modality keeps and the other does not stay, behind their mask.

    Args:
        network: A `ReIDNetwork` of residual stages whose gates are frozen, as
            by `Architecture.apply`.
        modality: `"visible"` or `"infrared"` to keep only what this modality
            keeps: the result is smaller, has no channel mask, and is good for
            `encoder(modality)` alone. Defaults to `None`, for both.

    Returns:
        A new `ReIDNetwork`. Its embedding has only the kept entries; the
        others were zero.

    Raises:
        ValueError: If a gate is still searching, or a stage has no residual
            stream that its cell governs.
    """
    check_compactable(network)
    kept = [kept_channels(stage, modality) for stage in network.stages[:-1]]
    # Both modalities' embeddings must stay comparable entry by entry.
    kept.append(kept_channels(network.stages[-1]))
    smaller = ReIDNetwork(
        stems={name: clone(stem) for name, stem in network.stems.items()},
        stages=[
            smaller_stage(stage, channels, modality)
            for stage, channels in zip(network.stages, kept, strict=True)
        ],
        pooling=clone(network.pooling),
        head=clone(network.head),
        image_shape=network.image_shape,
        name=network.name,
    )
    smaller.build()
    for name, stem in network.stems.items():
        copy(stem, smaller.stems[name])
    entering = np.arange(network.stems["visible"].filters)
    for old, new, leaving in zip(
        network.stages, smaller.stages, kept, strict=True
    ):
        copy_stage(old, new, entering, leaving, modality)
        entering = leaving
    copy_head(network.head, smaller.head, entering)
    return smaller


def check_compactable(network):
    """Raises `ValueError` unless every channel choice is final and cuttable."""
    for name, cell in network.cells.items():
        gates = cell.levels().values()
        # Not `float`, which fails on the variables of a strategy.
        if any(ops.convert_to_numpy(gate.searching) for gate in gates):
            raise ValueError(
                "Only a network whose gates are frozen can be compacted. "
                f"Received: cell of {name!r}, which is still searching. "
                "Derive an `Architecture` and `apply` it first."
            )
    for stage in network.stages:
        levels = {} if stage.cell is None else stage.cell.levels()
        ungoverned = "channel" in levels and stage.channel_gate is None
        if ungoverned or not stage.residual:
            raise ValueError(
                "A channel can be cut where its gate governs a residual "
                f"stage. Received: stage {stage.name!r}, whose cell sums its "
                "levels or whose blocks do not. Build the network with "
                "combine='product' and stages of `ResidualBlock`s, of which "
                "the first projects."
            )


def kept_channels(stage, modality=None):
    """Indices of the channels of a stage that are open in some modality."""
    gate = stage.channel_gate
    if gate is None:
        return np.arange(stage.blocks[-1].filters)
    return open_channels(gate, modality)


def open_channels(gate, modality=None):
    """Indices of the channels that a gate leaves to some modality."""
    return np.flatnonzero((seen_mask(gate, modality) > 0).any(axis=0))


def seen_mask(gate, modality):
    """A gate's mask as an array: as it is, or all rows as one modality's."""
    mask = ops.convert_to_numpy(gate.mask)
    if modality is None:
        return mask
    return np.repeat(mask[[MODALITIES.index(modality)]], len(mask), axis=0)


def smaller_stage(stage, kept, modality):
    """Makes a stage, unbuilt, of the kept channels and the needed gates."""
    blocks = [smaller_block(b, len(kept), modality) for b in stage.blocks]
    closing = [
        level
        for level in ({} if stage.cell is None else stage.cell.levels())
        if (smaller_mask(stage.cell, level, kept, modality) < 1).any()
    ]
    search = {0: None, 2: "dual"}.get(len(closing), *closing[:1])
    return Stage(blocks, make_cell(search, name="cell"), name=stage.name)


def smaller_block(block, num_kept, modality):
    """Makes a block, unbuilt, of as many output channels as are kept."""
    config = {**block.get_config(), "filters": num_kept}
    if isinstance(block, NonLocalBlock):
        return NonLocalBlock.from_config(config)
    config["inner_filters"] = [len(kept) for kept in inside(block, modality)]
    config["inner_gates"] = []
    smaller = ResidualBlock.from_config(config)
    masks = [seen_mask(gate, modality) for gate in block.inner_gates]
    if any((mask.any(axis=0) & (mask < 1)).any() for mask in masks):
        smaller.inner_gates = [clone(gate) for gate in block.inner_gates]
    return smaller


def inside(block, modality):
    """Lists the open channels of each map between a block's convolutions."""
    if not block.inner_gates:
        return [np.arange(width) for width in block.inner_widths]
    return [open_channels(gate, modality) for gate in block.inner_gates]


def smaller_mask(cell, level, kept, modality):
    """The mask of a cell's level, of the kept channels only."""
    mask = seen_mask(cell.levels()[level], modality)
    return mask[..., kept] if level == "channel" else mask


def copy_stage(old, new, entering, leaving, modality):
    """Copies what is left of a stage's blocks and of its masks."""
    for block, smaller in zip(old.blocks, new.blocks, strict=True):
        if isinstance(block, NonLocalBlock):
            copy_non_local_block(block, smaller, leaving)
        else:
            within = inside(block, modality)
            copy_residual_block(block, smaller, [entering, *within, leaving])
        entering = leaving
    for level, gate in ({} if new.cell is None else new.cell.levels()).items():
        gate.freeze(smaller_mask(old.cell, level, leaving, modality))


def copy_residual_block(old, new, kept):
    """Copies a residual block, of some channels of each map along it."""
    for i, layer in enumerate(old.branch):
        copy_conv_norm(layer, new.branch[i], kept[i], kept[i + 1])
    if old.project:
        copy_conv_norm(old.shortcut, new.shortcut, kept[0], kept[-1])
    for i, gate in enumerate(new.inner_gates):
        gate.freeze(seen_mask(old.inner_gates[i], None)[..., kept[i + 1]])


def copy_non_local_block(old, new, channels):
    """Copies a non-local block, of some of the channels it looks at."""
    for name in ("theta", "phi", "g"):
        source, target = getattr(old, name), getattr(new, name)
        target.kernel.assign(ops.convert_to_numpy(source.kernel)[channels])
        target.bias.assign(source.bias)
    copy(old.w, new.w, (..., channels))
    copy(old.norm, new.norm, channels)


def copy_conv_norm(old, new, entering, leaving):
    """Copies a `ConvNorm`, of some input and output channels."""
    kernel = ops.convert_to_numpy(old.conv.kernel)
    new.conv.kernel.assign(kernel[:, :, entering][..., leaving])
    copy(old.norm, new.norm, leaving)


def copy_head(old, new, entering):
    """Copies the neck and the classifier, of some embedding entries."""
    copy(old.neck, new.neck, entering)
    kernel = ops.convert_to_numpy(old.classifier.kernel)
    new.classifier.kernel.assign(kernel[entering])


def copy(old, new, entries=slice(None)):
    """Copies a layer's variables, of which some entries are left."""
    for source, target in zip(old.variables, new.variables, strict=True):
        target.assign(ops.convert_to_numpy(source)[entries])


def clone(layer):
    """Makes a layer of the same configuration, unbuilt."""
    return type(layer).from_config(layer.get_config())
