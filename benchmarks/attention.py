"""Hand-made feature selection, which the search is set against."""

import keras
from keras import ops

from nfs_keras.backbones import Stage
from nfs_keras.models import ReIDNetwork


@keras.saving.register_keras_serializable(package="nfs_keras_benchmarks")
class SqueezeExcitation(keras.layers.Layer):
    """Weighs channels by what the whole map shows (Hu et al., CVPR 2018).

    Args:
        ratio: Positive integer. The bottleneck has `channels / ratio` units.
    """

    def __init__(self, ratio=8, **kwargs):
        super().__init__(**kwargs)
        self.ratio = ratio

    def build(self, input_shape):
        channels = input_shape[-1]
        hidden = max(channels // self.ratio, 4)
        self.squeeze = keras.layers.Dense(hidden, activation="relu")
        self.excite = keras.layers.Dense(channels)
        self.squeeze.build((None, channels))
        self.excite.build((None, hidden))

    def channel_logits(self, maps):
        return self.excite(self.squeeze(ops.mean(maps, axis=(1, 2))))

    def call(self, maps, training=False):
        return maps * ops.sigmoid(self.channel_logits(maps))[:, None, None]

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "ratio": self.ratio}


@keras.saving.register_keras_serializable(package="nfs_keras_benchmarks")
class CBAM(SqueezeExcitation):
    """Weighs channels, then pixels, by means and maxima (Woo, ECCV 2018)."""

    def build(self, input_shape):
        super().build(input_shape)
        self.pixels = keras.layers.Conv2D(1, 7, padding="same")
        self.pixels.build((*input_shape[:-1], 2))

    def channel_logits(self, maps):
        largest = self.excite(self.squeeze(ops.max(maps, axis=(1, 2))))
        return super().channel_logits(maps) + largest

    def call(self, maps, training=False):
        maps = super().call(maps)
        views = (ops.mean, ops.max)
        shown = [view(maps, axis=-1, keepdims=True) for view in views]
        return maps * ops.sigmoid(self.pixels(ops.concatenate(shown, axis=-1)))


ATTENTION = {"squeeze_excitation": SqueezeExcitation, "cbam": CBAM}


def with_attention(network, layer):
    """Makes the same network with an attention layer after every stage."""
    stages = [
        Stage([*map(clone, stage.blocks), layer()], name=stage.name)
        for stage in network.stages
    ]
    attended = ReIDNetwork(
        stems={name: clone(stem) for name, stem in network.stems.items()},
        stages=stages,
        pooling=clone(network.pooling),
        head=clone(network.head),
        image_shape=network.image_shape,
    )
    attended.build()
    pairs = [(network.head, attended.head)]
    pairs += [(network.stems[k], attended.stems[k]) for k in network.stems]
    for old, new in zip(network.stages, attended.stages, strict=True):
        pairs += zip(old.blocks, new.blocks[:-1], strict=True)
    for old, new in pairs:
        new.set_weights(old.get_weights())
    return attended


def clone(layer):
    """Makes a layer of the same configuration, unbuilt."""
    return type(layer).from_config(layer.get_config())
