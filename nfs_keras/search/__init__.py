"""The search of features, on any Keras model.

A model's *gates* are found by name. Its *graph* is the list of its layer
calls. Two analyses of the graph find which channels are alive and which are
needed; the count of operations for a budget and the channels that `compact`
removes follow from them.
"""

from nfs_keras.search import layer_rules as layer_rules  # registers them
from nfs_keras.search.add_gates import add_gates as add_gates
from nfs_keras.search.add_gates import named_gates as named_gates
from nfs_keras.search.add_gates import (
    search_space_summary as search_space_summary,
)
from nfs_keras.search.architecture import Architecture as Architecture
from nfs_keras.search.compact import compact as compact
from nfs_keras.search.flow import count_flops as count_flops
from nfs_keras.search.rules import ChannelWise as ChannelWise
from nfs_keras.search.rules import Rule as Rule
from nfs_keras.search.rules import register_rule as register_rule
