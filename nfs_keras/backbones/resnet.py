"""The three residual backbones, each as two stems and shared stages."""

from collections.abc import Callable
from typing import NamedTuple

import keras

from nfs_keras.backbones.non_local_block import NonLocalBlock
from nfs_keras.backbones.residual_block import ResidualBlock
from nfs_keras.backbones.stem import Stem

# What `keras.applications` subtracts from R, G, B in [0, 255] for ResNet-50.
KERAS_MEAN = (123.68 / 255, 116.779 / 255, 103.939 / 255)
KERAS_DEVIATION = (1 / 255, 1 / 255, 1 / 255)


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
    stages = _stages((2, 2, 2, 2), bottleneck=False)
    return Backbone(lambda name: Stem(64, name=name), stages)


def resnet50(non_local: bool = False) -> Backbone:
    """Makes ResNet-50 with last stride 1, the geometry of AGW.

    288 x 144 pictures become maps of 2048 x 18 x 9.

    Args:
        non_local: Whether AGW's non-local blocks follow the last two residual
            blocks of stage 2 and the last three of stage 3, one each.
    """
    stages = _stages((3, 4, 6, 3), bottleneck=True)
    if non_local:
        _add_non_local_blocks(stages)
    return Backbone(lambda name: Stem(64, name=name), stages)


def imagenet_resnet50(non_local: bool = False) -> Backbone:
    """Makes ResNet-50 as `keras.applications` has it, for its weights.

    A bottleneck's stride sits in its first convolution, not in the 3x3 one,
    and pixels lose a mean but keep their scale. The last stride is 1 again.

    Args:
        non_local: As in `resnet50`.
    """
    stages = _stages((3, 4, 6, 3), bottleneck=True, stride_first=True)
    if non_local:
        _add_non_local_blocks(stages)
    pixels = {"mean": KERAS_MEAN, "deviation": KERAS_DEVIATION}
    return Backbone(lambda name: Stem(64, name=name, **pixels), stages)


def _stages(depths, bottleneck, stride_first=False):
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
    return stages


def _add_non_local_blocks(stages):
    """Puts one behind each of the last residual blocks that AGW names."""
    for blocks, count in ((stages[1], 2), (stages[2], 3)):
        first, filters = len(blocks) - count, blocks[-1].filters
        for i in range(count):
            block = NonLocalBlock(filters, name=f"non_local{i + 1}")
            blocks.insert(first + 2 * i + 1, block)
