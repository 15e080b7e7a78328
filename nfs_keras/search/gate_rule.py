"""The rule of search gates: a closed channel is zero."""

import keras
import numpy as np
from keras import ops

from nfs_keras.layers import ChannelSearch, DualLevelSearch, SpatialSearch
from nfs_keras.search.rules import (
    Channels,
    Rule,
    both,
    register_rule,
    where,
)


class Gate(Rule):
    """The rule of a search gate: a closed channel is zero."""

    shares = True

    def writes_all(self, node):
        return False

    def forward(self, node, inputs, opened):
        given, open_now = inputs[0], opened(node)
        through = given.alive
        # A channel that is masked only in some places is not constant.
        if channel_gate(node.layer) is not node.layer or (
            node.layer.num_modalities > 1
        ):
            through = where(given.zero, through, np.ones(len(given.zero)))
        zero = given.zero
        if isinstance(given.alive, np.ndarray):
            zero = zero | (given.alive == 1)
        closed = np.ones(len(zero), bool)
        if isinstance(open_now, np.ndarray):
            closed = open_now == 0
        return Channels(both(through, open_now), zero | closed)

    def backward(self, node, inputs, needed):
        return [needed, *(np.ones(1) for _ in inputs[1:])]

    def rebuild(self, node, build):
        tensor, kept = node.tensors[0], build.kept(node.outputs)
        maps = build.take(tensor, kept)
        mask = gate_mask(node.layer, len(tensor.shape) - 2)
        given = build.modality
        if isinstance(node.modality, int):
            given = node.modality
        if node.kwargs.get("frozen_only"):
            mask = (mask > 0).max(axis=0, keepdims=True).astype("float32")
        elif node.layer.num_modalities > 1 and given is not None:
            mask = mask[[given]]
        build.set_constants(
            node, lambda node: build.constants(tensor) * mask[0].ravel()
        )
        if mask.shape[-1] > 1:
            mask = mask[..., kept]
        if (mask == mask[..., :1]).all():  # pixels, the same in all channels
            mask = mask[..., :1]
        if (mask == 1).all():
            return maps
        if (mask == mask[:1]).all():
            return keras.layers.Rescaling(
                mask[0].tolist(),
                name=build.name(node.layer.name),
                dtype=node.layer.dtype_policy,
            )(maps)
        return build.masked(node, maps, kept)


def channel_gate(layer):
    """Returns the part of a gate that decides on whole channels, or `None`."""
    if isinstance(layer, DualLevelSearch):
        return layer.channel if layer.combine == "product" else None
    return layer if isinstance(layer, ChannelSearch) else None


def gate_mask(layer, rank):
    """Returns a frozen gate's mask, in a shape that fits its maps.

    Args:
        layer: `ChannelSearch`, `SpatialSearch` or `DualLevelSearch`.
        rank: Int. Axes between the batch and the channels.
    """
    if isinstance(layer, DualLevelSearch):
        channels = gate_mask(layer.channel, rank)
        pixels = gate_mask(layer.spatial, rank)
        if layer.combine == "sum":
            return (channels + pixels) / 2
        return channels * pixels
    mask = ops.convert_to_numpy(layer.mask)
    if isinstance(layer, SpatialSearch):
        return mask[..., None]
    return mask.reshape(len(mask), *(1,) * rank, -1)


for _class in (ChannelSearch, SpatialSearch, DualLevelSearch):
    register_rule(_class, Gate())
