"""The three residual backbones, each as two stems and shared stages."""

from collections.abc import Callable
from typing import NamedTuple

import keras

from nfs_keras.backbones.residual_block import ResidualBlock
from nfs_keras.backbones.stem import Stem


class Backbone(NamedTuple):
    """What `reid_network` builds a two-stream network from.

    Attributes:
        make_stem: Function of a name that makes one modality's private stem.
        stages: The shared stages in order, each a list of blocks (layers or
            models, called with `training`).
    """

    make_stem: Callable[[str], keras.layers.Layer]
    stages: list[list[keras.layers.Layer]]


def tiny() -> Backbone:
    """Makes a small residual backbone for CPUs.

    0.7 million weights; 60 MFLOP at 64 x 32, 135 MFLOP at 96 x 48. Our choice.
    """
    widths, strides = (24, 48, 96, 192), (1, 2, 2, 1)
    return Backbone(
        make_stem=lambda name: Stem(24, 3, pool=False, name=name),
        stages=[
            [ResidualBlock(w, w, stride=s, project=True)]
            for w, s in zip(widths, strides, strict=True)
        ],
    )


def resnet18() -> Backbone:
    """Makes ResNet-18 with last stride 1 (He et al., CVPR 2016)."""
    return _resnet((2, 2, 2, 2), bottleneck=False, stride_first=False)


def resnet50(stride_first: bool = False) -> Backbone:
    """Makes ResNet-50 with last stride 1, the geometry of AGW.

    288 x 144 pictures become maps of 2048 x 18 x 9.

    Args:
        stride_first: Where a bottleneck's stride sits: in its 3x3 convolution
            as in torchvision, or with `True` in its first, as in the ImageNet
            weights of `keras.applications`.
    """
    return _resnet((3, 4, 6, 3), bottleneck=True, stride_first=stride_first)


def _resnet(depths, bottleneck, stride_first):
    stages = []
    for depth, inner, stride in zip(
        depths, (64, 128, 256, 512), (1, 2, 2, 1), strict=True
    ):
        filters = inner * 4 if bottleneck else inner
        stages.append(
            [
                ResidualBlock(
                    filters,
                    inner,
                    bottleneck=bottleneck,
                    stride=stride if i == 0 else 1,
                    project=i == 0,
                    stride_first=stride_first,
                    name=f"block{i + 1}",
                )
                for i in range(depth)
            ]
        )
    return Backbone(lambda name: Stem(64, name=name), stages)
