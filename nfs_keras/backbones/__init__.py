"""Backbones: a private stem for each modality, then shared stages."""

from nfs_keras.backbones.keras_backbone import keras_backbone as keras_backbone
from nfs_keras.backbones.non_local_block import NonLocalBlock as NonLocalBlock
from nfs_keras.backbones.resnet import Backbone as Backbone
from nfs_keras.backbones.resnet import imagenet_resnet50 as imagenet_resnet50
from nfs_keras.backbones.resnet import resnet18 as resnet18
from nfs_keras.backbones.resnet import resnet50 as resnet50
from nfs_keras.backbones.resnet import tiny as tiny
from nfs_keras.backbones.stage import Stage as Stage
from nfs_keras.backbones.stage import make_cell as make_cell
