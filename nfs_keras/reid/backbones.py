"""Backbones: a private stem for each modality, then shared layers.

A backbone is a pair of functions that make layers, so that two networks of
one backbone share nothing. The residual ones are written here;
`keras_backbone` makes one of any functional Keras model.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import keras

from nfs_keras.layers import ChannelSearch, DualLevelSearch, SpatialSearch
from nfs_keras.reid.fused_batch_norm import FusedBatchNorm
from nfs_keras.reid.non_local import NonLocal
from nfs_keras.search.add_gates import check_names, search_layer
from nfs_keras.search.graph import run_copies, trace

MOMENTUM = 0.9  # of the moving statistics; PyTorch calls it 0.1
EPSILON = 1e-5
IMAGENET_MEAN = (0.485, 0.456, 0.406)  # of RGB in [0, 1]
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
# What `keras.applications` subtracts from R, G, B in [0, 255] for ResNet-50.
KERAS_MEAN = (123.68 / 255, 116.779 / 255, 103.939 / 255)
KERAS_DEVIATION = (1 / 255, 1 / 255, 1 / 255)


class Backbone(NamedTuple):
    """The layers of a two-stream network, for `reid_network` to build.

    Attributes:
        make_stem: Function `(image_shape, name)` that makes one modality's
            private stem: a functional model from RGB in [0, 255] to maps.
        grow: Function `(maps, gates)` that adds the shared layers and their
            gates to a symbolic tensor of maps, and returns the maps.

    """

    make_stem: Callable
    grow: Callable


class Gates:
    """Makes the gates of a trunk, each of them once.

    Args:
        search: `"dual"`, `"channel"`, `"spatial"` or `None` for no gates.
        inner: Whether channels inside blocks are searched too.
        modality: Symbolic int tensor `(batch,)`.
        combine: As for `DualLevelSearch`.
        **arguments: Other arguments of the gates.
    """

    def __init__(self, search, inner, modality, combine="product", **arguments):
        if search is not None:
            search_layer(search)  # raises for an unknown one
        self.channels = search in ("dual", "channel")
        self.pixels = search in ("dual", "spatial")
        self.summed = search == "dual" and combine == "sum"
        self.inside = inner
        self.modality = modality
        self.arguments = {"num_modalities": 2, **arguments}
        self.made = {}
        self.last = None

    def channel(self, name, maps):
        """Scales channels by the gate of a name, which is made only once."""
        if not self.channels or self.summed:
            return maps
        self.last = f"{name}_channel"
        return self._call(ChannelSearch, self.last, maps)

    def inner(self, name, maps):
        """Scales the channels between the convolutions of a block."""
        if not self.inside:
            return maps
        return self._call(ChannelSearch, f"{name}_channel", maps)

    def output(self, name, maps):
        """Scales the pixels of a stage's output."""
        if self.summed:
            return self._call(DualLevelSearch, name, maps, combine="sum")
        if not self.pixels:
            return maps
        return self._call(SpatialSearch, f"{name}_spatial", maps)

    def embedding(self, vectors):
        """Zeroes the entries of an embedding whose channels are closed.

        After a batch norm they are constant but not zero; as zeros they do
        not change a similarity, and can be removed.
        """
        gate = self.made.get(self.last)
        if gate is None or gate.logits.shape[-1] != vectors.shape[-1]:
            return vectors
        return gate(vectors, frozen_only=True)

    def _call(self, cls, name, maps, **arguments):
        if name not in self.made:
            self.made[name] = cls(name=name, **self.arguments, **arguments)
        return self.made[name](maps, modality=self.modality)


def tiny():
    """Makes a small residual backbone for CPUs.

    0.7 million weights; 60 MFLOP at 64 x 32, 135 MFLOP at 96 x 48. Our choice.
    """
    widths, strides = (24, 48, 96, 192), (1, 2, 2, 1)
    stages = [
        [{"filters": w, "inner": w, "stride": s, "project": True}]
        for w, s in zip(widths, strides, strict=True)
    ]
    stem = partial(make_stem, filters=24, kernel_size=3, pool=False)
    return Backbone(stem, partial(grow_residual, stages=stages))


def resnet18():
    """Makes ResNet-18 with last stride 1 (He et al., CVPR 2016)."""
    stages = residual_stages((2, 2, 2, 2), bottleneck=False)
    return Backbone(make_stem, partial(grow_residual, stages=stages))


def resnet50(non_local=False):
    """Makes ResNet-50 with last stride 1, the geometry of AGW.

    288 x 144 images become maps of 2048 x 18 x 9.

    Args:
        non_local: Whether AGW's non-local blocks follow the last two residual
            blocks of stage 2 and the last three of stage 3, one each.
    """
    stages = residual_stages((3, 4, 6, 3), bottleneck=True)
    grow = partial(grow_residual, stages=stages, non_local=non_local)
    return Backbone(make_stem, grow)


def imagenet_resnet50(non_local=False):
    """Makes the ResNet-50 of `keras.applications`, to load its weights.

    A bottleneck's stride is in its first convolution, not in the 3x3 one, and
    a mean is subtracted from pixels that keep their scale. As above, the last
    stride is 1.

    Args:
        non_local: As in `resnet50`.
    """
    stages = residual_stages((3, 4, 6, 3), bottleneck=True, stride_first=True)
    grow = partial(grow_residual, stages=stages, non_local=non_local)
    stem = partial(make_stem, mean=KERAS_MEAN, deviation=KERAS_DEVIATION)
    return Backbone(stem, grow)


def residual_stages(depths, bottleneck, stride_first=False):
    """Lists the arguments of the blocks of each of a ResNet's stages."""
    return [
        [
            {
                "filters": inner * (4 if bottleneck else 1),
                "inner": inner,
                "bottleneck": bottleneck,
                "stride": stride if i == 0 else 1,
                "project": i == 0,
                "stride_first": stride_first,
            }
            for i in range(depth)
        ]
        for depth, inner, stride in zip(
            depths, (64, 128, 256, 512), (1, 2, 2, 1), strict=True
        )
    ]


def make_stem(
    image_shape,
    name,
    filters=64,
    kernel_size=7,
    pool=True,
    mean=IMAGENET_MEAN,
    deviation=IMAGENET_DEVIATION,
):
    """Makes the private first layers of one modality's stream.

    The stem normalises the pixels, so that training, evaluation and serving
    all pass raw pixels and cannot differ.

    Args:
        image_shape: `(height, width, 3)`.
        name: Name of the modality.
        filters: Positive integer. Channels of the output.
        kernel_size: Odd positive integer.
        pool: Whether a 3x3 maximum of stride 2 follows.
        mean: Mean of R, G, B in [0, 1].
        deviation: Standard deviation of R, G, B.

    Returns:
        A functional model from RGB in [0, 255], to maps of half the size (a
        quarter with `pool`). An infrared image has three equal channels.
    """
    image = keras.Input(image_shape, name="image")
    scale = [1 / (255 * d) for d in deviation]
    offset = [-m / d for m, d in zip(mean, deviation, strict=True)]
    maps = keras.layers.Rescaling(scale, offset, name="pixels")(image)
    maps = conv_norm(maps, filters, kernel_size, 2, "conv")
    maps = keras.layers.ReLU(name="relu")(maps)
    if pool:
        # After the ReLU zero padding is the same as padding with -infinity.
        maps = keras.layers.ZeroPadding2D(1, name="pool_pad")(maps)
        maps = keras.layers.MaxPooling2D(3, 2, name="pool")(maps)
    return keras.Model(image, maps, name=f"{name}_stem")


def grow_residual(maps, gates, stages, non_local=False):
    """Adds the stages of a residual network.

    A stage's channel gate scales its whole residual stream: every term of
    the sums is scaled once, so a closed channel is zero from the stage's
    first block to its last, and can be removed from all of them. That a gate
    scales the stream is our choice; a gate in every stage is the paper's.
    """
    attention = {2: 2, 3: 3} if non_local else {}  # AGW's
    for number, blocks in enumerate(stages, start=1):
        stage = f"stage{number}"
        first = len(blocks) - attention.get(number, 0)
        for i, block in enumerate(blocks):
            name = f"{stage}_block{i + 1}"
            maps = residual_block(maps, gates, stage, name, **block)
            if i >= first:
                maps = non_local_block(maps, gates, stage, name)
        maps = gates.output(stage, maps)
    return maps


def residual_block(
    maps,
    gates,
    stage,
    name,
    filters,
    inner,
    stride=1,
    project=False,
    bottleneck=False,
    stride_first=False,
):
    """Adds a residual block of two or three convolutions.

    Reference:
        He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.
    """
    plans = [(inner, 3, stride), (filters, 3, 1)]
    if bottleneck:
        strides = (stride, 1) if stride_first else (1, stride)
        plans = [(inner, 1, strides[0]), (inner, 3, strides[1])]
        plans.append((filters, 1, 1))
    branch = maps
    for i, plan in enumerate(plans, start=1):
        branch = conv_norm(branch, *plan, f"{name}_conv{i}")
        if i < len(plans):
            branch = keras.layers.ReLU(name=f"{name}_relu{i}")(branch)
            branch = gates.inner(f"{name}_inner{i}", branch)
    add = keras.layers.Add(name=f"{name}_add")
    if project:  # the stream begins: its first sum is scaled as a whole
        shortcut = conv_norm(maps, filters, 1, stride, f"{name}_shortcut")
        maps = gates.channel(stage, add([shortcut, branch]))
    else:
        maps = add([maps, gates.channel(stage, branch)])
    return keras.layers.ReLU(name=f"{name}_relu")(maps)


def non_local_block(maps, gates, stage, name):
    """Adds a non-local block, with attention over the whole map."""
    name = f"{name}_non_local"
    found = NonLocal(maps.shape[-1], name=name)(maps)
    norm = FusedBatchNorm(
        momentum=MOMENTUM,
        epsilon=EPSILON,
        gamma_initializer="zeros",
        name=f"{name}_norm",
    )
    found = gates.channel(stage, norm(found))
    return keras.layers.Add(name=f"{name}_add")([maps, found])


def conv_norm(maps, filters, kernel_size, stride, name):
    """Convolves without bias, then normalises over the batch.

    Pads as PyTorch does, by half a kernel on every side, so that weights
    trained there give the same numbers here also where the stride is 2
    (Keras' own `padding="same"` pads one side only).
    """
    padding = "same"
    if stride > 1 and kernel_size > 1:
        half, padding = kernel_size // 2, "valid"
        maps = keras.layers.ZeroPadding2D(half, name=f"{name}_pad")(maps)
    maps = keras.layers.Conv2D(
        filters,
        kernel_size,
        stride,
        padding=padding,
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(maps)
    return FusedBatchNorm(
        momentum=MOMENTUM, epsilon=EPSILON, name=f"{name}_norm"
    )(maps)


def keras_backbone(
    model, stem, after, preprocess=None, batch_norm_momentum=MOMENTUM
):
    """Makes a backbone of any functional Keras model.

    Args:
        model: Functional `keras.Model` of one image, RGB, `channels_last`.
            It is copied for every network: both stems start with its weights.
        stem: Name of the last layer of a modality's private stem.
        after: Names of the layers that are followed by gates, in order. The
            last of them ends the backbone; later layers are left out. It
            should be an activation: pooling ignores values below zero.
        preprocess: Function of Keras operations from RGB in [0, 255] to the
            inputs that the model was trained on, such as
            `keras.applications.mobilenet_v2.preprocess_input`. `None` for a
            model that normalises pixels itself, such as EfficientNet.
        batch_norm_momentum: Momentum of all batch norms' statistics. Models
            that were trained for weeks have 0.99 or 0.999, with which the
            statistics hardly change in a short training. Defaults to `0.9`.

    Returns:
        A `Backbone` for `reid_network`.

    Raises:
        ValueError: If the model has no layer of a name, or if the layers
            after the stem need more than the output of its last layer.

    Example:

    >>> model = keras.applications.MobileNetV2(
    ...     (64, 32, 3), alpha=0.35, include_top=False, weights=None
    ... )
    >>> backbone = keras_backbone(
    ...     model,
    ...     stem="block_2_add",
    ...     after=["block_5_add", "block_12_add", "out_relu"],
    ...     preprocess=keras.applications.mobilenet_v2.preprocess_input,
    ... )
    >>> from nfs_keras.models import reid_network
    >>> network = reid_network(backbone, (64, 32, 3), num_identities=10)
    >>> network.encoder("infrared").output_shape
    (None, 1280)
    """
    check_names([stem, *after], [layer.name for layer in model.layers])
    middle, end = (model.get_layer(x).output for x in (stem, after[-1]))

    def faster(layer, config):
        if isinstance(layer, keras.layers.BatchNormalization):
            return {**config, "momentum": batch_norm_momentum}
        return config

    def ungated(layer, copy, outputs):
        return outputs

    def copied(start, stop, name, maps, then=ungated):
        graph = trace(piece_of(start, stop, name))
        return run_copies(graph, maps, then, faster)[0]

    def make(image_shape, name):
        image = keras.Input(image_shape, name="image")
        pixels = image if preprocess is None else preprocess(image)
        maps = copied(model.input, middle, stem, pixels)
        return keras.Model(image, maps, name=f"{name}_stem")

    def grow(maps, gates):
        def gated(layer, copy, outputs):
            if layer.name not in after:
                return outputs
            return gates.output(layer.name, gates.channel(layer.name, outputs))

        return copied(middle, end, after[-1], maps, gated)

    return Backbone(make, grow)


def piece_of(start, end, name):
    """Makes a model of the layers between two tensors of a model."""
    try:
        return keras.Model(start, end)
    except ValueError as error:
        raise ValueError(
            "A model can be split only at a layer whose output is all that "
            "the later layers need. "
            f"Received: a part that ends with layer {name!r} and needs more "
            "than the output of the part before it. Name layers at the ends "
            "of blocks, in order, such as the sums of residual blocks."
        ) from error


BACKBONES = {
    "agw": partial(resnet50, non_local=True),
    "imagenet_resnet50": imagenet_resnet50,
    "resnet18": resnet18,
    "resnet50": resnet50,
    "tiny": tiny,
}
WITH_IMAGENET = {  # the backbones for the weights of `keras.applications`
    "agw": partial(imagenet_resnet50, non_local=True),
    "resnet50": imagenet_resnet50,
}


def make_backbone(backbone, weights=None):
    """Makes the backbone of a name; a `Backbone` is returned unchanged."""
    if isinstance(backbone, Backbone):
        return backbone
    if backbone not in BACKBONES:
        raise ValueError(
            f"`backbone` must be a `Backbone` or one of {sorted(BACKBONES)}. "
            f"Received: backbone={backbone!r}. "
            "Make one of another Keras model with `keras_backbone`."
        )
    if weights == "imagenet" and backbone in WITH_IMAGENET:
        return WITH_IMAGENET[backbone]()
    return BACKBONES[backbone]()
