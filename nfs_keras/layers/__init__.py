"""Layers that search which features to keep.

A *gate* is a keep-or-drop choice about a part of a feature map: a channel, or
a pixel. Its logit says how likely the part is kept. While the search runs the
choice is sampled and relaxed to a number between 0 and 1, so that gradient
descent can learn the logit like any weight; as the temperature falls the
numbers harden towards 0 and 1; in the end every gate is derived to what its
logit prefers. An open gate is the identity and a closed one gives zeros, so a
network whose gates are all open is the network without them.

A gate may have logits for each of several modalities, because what identifies
a person in colour and what identifies the same person in infrared need not be
the same features.
"""

from nfs_keras.layers.channel_search import ChannelSearch as ChannelSearch
from nfs_keras.layers.dual_level_search import (
    DualLevelSearch as DualLevelSearch,
)
from nfs_keras.layers.generalized_mean_pooling2d import (
    GeneralizedMeanPooling2D as GeneralizedMeanPooling2D,
)
from nfs_keras.layers.search_gate import SearchGate as SearchGate
from nfs_keras.layers.search_gate import find_gates as find_gates
from nfs_keras.layers.spatial_search import SpatialSearch as SpatialSearch
