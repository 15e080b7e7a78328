"""A backbone cut from any Keras model."""

from collections.abc import Callable

import keras

from nfs_keras.backbones.resnet import Backbone


def keras_backbone(
    model: keras.Model,
    stem: str,
    stages: list[str],
    preprocess: Callable | None = None,
) -> Backbone:
    """Cuts a Keras model into a private stem for each modality and stages.

    The pieces are copies: both stems start with the model's weights, and the
    model stays as it is. A search cell acts on the output of its stage, for
    nothing is known of what is inside; so `compact` refuses the network.
    An empty half of a batch gets as far as the model's layers let it, which
    on TensorFlow is not through a convolution.

    Args:
        model: Functional `keras.Model` of one image, RGB, `channels_last`,
            for pictures of the network's size or of any.
        stem: Name of the layer that a stem ends with.
        stages: Names of the layers that the stages end with, in order. What
            follows the last is left out. Let that be an activation: pooling
            counts nothing below zero.
        preprocess: Function of Keras operations from RGB in [0, 255] to what
            the model was trained on, such as
            `keras.applications.mobilenet_v2.preprocess_input`. `None` for a
            model that prepares pixels itself, such as EfficientNet.

    Returns:
        A `Backbone` for one `reid_network`.

    Raises:
        ValueError: If the model has no layer of a name, or if more than the
            named layer's output is needed behind a cut.

    Example:

    >>> model = keras.applications.MobileNetV2(
    ...     (64, 32, 3), alpha=0.35, include_top=False, weights=None
    ... )
    >>> backbone = keras_backbone(
    ...     model,
    ...     stem="block_2_add",
    ...     stages=["block_5_add", "block_12_add", "out_relu"],
    ...     preprocess=keras.applications.mobilenet_v2.preprocess_input,
    ... )
    >>> from nfs_keras.models import reid_network
    >>> network = reid_network(backbone, (64, 32, 3), num_identities=10)
    >>> network.encoder("infrared").output_shape
    (None, 1280)
    """
    ends = [model.get_layer(name).output for name in (stem, *stages)]

    def make_stem(name):
        image = keras.Input(model.input_shape[1:])
        pixels = image if preprocess is None else preprocess(image)
        maps = copy_piece(model.input, ends[0], stem)(pixels)
        return keras.Model(image, maps, name=name)

    pieces = zip(ends, ends[1:], stages, strict=False)
    return Backbone(make_stem, [[copy_piece(*piece)] for piece in pieces])


def copy_piece(start, end, name):
    """Copies the part of a model between two of its tensors."""
    try:
        piece = keras.Model(start, end, name=name)
    except ValueError as error:
        raise ValueError(
            "A model can be cut where one tensor is all that goes on. "
            f"Received: a piece that ends with layer {name!r}, and needs more "
            "than the end of the piece before it. Name layers at the ends of "
            "blocks, in order, such as the sums of residual ones."
        ) from error
    copy = keras.models.clone_model(piece)
    copy.set_weights(piece.get_weights())
    return copy
