"""The public names of the search (`search`) and the network (`reid`).

The classes that train need TensorFlow and are imported when they are first
used; everything else runs on the other backends too.
"""

import importlib

from nfs_keras.reid import Objective as Objective
from nfs_keras.reid import ReIDNetwork as ReIDNetwork
from nfs_keras.reid import import_weights as import_weights
from nfs_keras.reid import keras_backbone as keras_backbone
from nfs_keras.reid import reid_network as reid_network
from nfs_keras.search import Architecture as Architecture
from nfs_keras.search import ChannelWise as ChannelWise
from nfs_keras.search import Rule as Rule
from nfs_keras.search import add_gates as add_gates
from nfs_keras.search import compact as compact
from nfs_keras.search import count_flops as count_flops
from nfs_keras.search import named_gates as named_gates
from nfs_keras.search import register_rule as register_rule
from nfs_keras.search import search_space_summary as search_space_summary
from nfs_keras.search.diagnosis import diagnose as diagnose
from nfs_keras.search.diagnosis import discretisation_gap as discretisation_gap

_TRAINING = {
    "SearchModel": "nfs_keras.search.search_model",
    "TrainingModel": "nfs_keras.search.training_model",
}


def __getattr__(name):
    if name in _TRAINING:
        return getattr(importlib.import_module(_TRAINING[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_TRAINING})
