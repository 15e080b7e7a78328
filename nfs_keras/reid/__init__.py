"""Re-identification across two modalities, on top of the search."""

from nfs_keras.reid.backbones import Backbone as Backbone
from nfs_keras.reid.backbones import keras_backbone as keras_backbone
from nfs_keras.reid.fused_batch_norm import FusedBatchNorm as FusedBatchNorm
from nfs_keras.reid.network import ReIDNetwork as ReIDNetwork
from nfs_keras.reid.network import reid_network as reid_network
from nfs_keras.reid.non_local import NonLocal as NonLocal
from nfs_keras.reid.objective import Objective as Objective
from nfs_keras.reid.weights import import_weights as import_weights
