"""The two-stream re-identification network."""

from functools import partial

import keras
from keras import ops

from nfs_keras.backbones import (
    Backbone,
    Stage,
    imagenet_resnet50,
    make_cell,
    resnet18,
    resnet50,
    tiny,
)
from nfs_keras.backbones.residual_block import ResidualBlock
from nfs_keras.layers import (
    EmbeddingHead,
    GeneralizedMeanPooling2D,
    find_gates,
)
from nfs_keras.models.import_weights import import_weights
from nfs_keras.ops import l2_normalize

MODALITIES = ("visible", "infrared")
BACKBONES = {
    "agw": partial(resnet50, non_local=True),
    "imagenet_resnet50": imagenet_resnet50,
    "resnet18": resnet18,
    "resnet50": resnet50,
    "tiny": tiny,
}
WITH_IMAGENET = {  # what takes the weights of `keras.applications`
    "agw": partial(imagenet_resnet50, non_local=True),
    "resnet50": imagenet_resnet50,
}


@keras.saving.register_keras_serializable(package="nfs_keras")
class ReIDNetwork(keras.Model):
    """Embeds visible and infrared pictures of people into one space.

    Each modality passes its own stem; then both run through the same stages,
    each with its search cell, through pooling and the embedding head.

    Args:
        stems: Dict of the two stems, `"visible"` and `"infrared"`.
        stages: List of `Stage`s.
        pooling: Layer from maps to a feature vector.
        head: `EmbeddingHead`.
        image_shape: `(height, width, 3)`.
        **kwargs: Base model keyword arguments.

    Call arguments:
        inputs: Dict of `"visible"` and `"infrared"`, float tensors of shape
            `(batch, *image_shape)`, RGB in [0, 255]. The two batches may
            differ in size, and one may be empty.
        training: Whether batch normalisation uses the batch.
        sample_gates: Whether the search gates draw noise. Defaults to
            `training`.

    Output shape:
        Dict of `"pooled"` `(batch, dim)`, `"embedding"` `(batch, dim)`, which
        is not normalised, and `"logits"` `(batch, num_identities)`: first the
        visible rows, then the infrared ones.
    """

    def __init__(self, stems, stages, pooling, head, image_shape, **kwargs):
        super().__init__(**kwargs)
        self.stems = stems
        self.stages = stages
        self.pooling = pooling
        self.head = head
        self.image_shape = tuple(image_shape)

    def build(self, input_shape=None):
        shape = (None, *self.image_shape)
        build_once(self.stems["infrared"], shape)
        shape = build_once(self.stems["visible"], shape)
        for layer in (*self.stages, self.pooling, self.head):
            shape = build_once(layer, shape)

    def call(self, inputs, training=False, sample_gates=None):
        sample_gates = training if sample_gates is None else sample_gates
        halves = [
            self.stems[name](inputs[name], training=training)
            for name in MODALITIES
        ]
        modality = ops.concatenate(
            [
                ops.full((ops.shape(half)[0],), index, dtype="int32")
                for index, half in enumerate(halves)
            ]
        )
        maps = ops.concatenate(halves)
        return self._describe(maps, modality, training, sample_gates)

    def _describe(self, maps, modality, training=False, sample_gates=False):
        for stage in self.stages:
            maps = stage(
                maps,
                modality=modality,
                training=training,
                sample_gates=sample_gates,
            )
        pooled = self.pooling(maps)
        embedding, logits = self.head(pooled, training=training)
        return {"pooled": pooled, "embedding": embedding, "logits": logits}

    def encoder(self, modality):
        """Gives the network of one modality, which shares its weights.

        Args:
            modality: `"visible"` or `"infrared"`.

        Returns:
            A functional `keras.Model` from `image`, float `(batch,
            *image_shape)`, RGB in [0, 255], to `embedding`, float32 `(batch,
            dim)`, L2-normalised.
        """
        if modality not in MODALITIES:
            raise ValueError(
                f"`modality` must be one of {MODALITIES}. "
                f"Received: modality={modality!r}. "
                "Pass the kind of picture that the encoder will see."
            )
        image = keras.Input(self.image_shape, name="image")
        maps = self.stems[modality](image)
        for stage in self.stages:
            maps = stage(maps, modality=MODALITIES.index(modality))
        embedding, _ = self.head(self.pooling(maps))
        name = f"{modality}_encoder"
        return keras.Model(image, l2_normalize(embedding), name=name)

    @property
    def cells(self):
        """Dict from name to search cell, of all stages in order."""
        cells = {}
        for stage in self.stages:
            cells |= stage.cells
        return cells

    @property
    def feature_variables(self):
        """All variables that do not belong to a search gate."""
        gates = {id(v) for g in find_gates(self) for v in g.variables}
        return [v for v in self.variables if id(v) not in gates]

    def copy_features(self, network):
        """Takes over the weights and statistics of a network, gates apart.

        Args:
            network: A `ReIDNetwork` of the same backbone, head and image
                shape, with any search cells or none.
        """
        for mine, other in zip(
            self.feature_variables, network.feature_variables, strict=True
        ):
            mine.assign(other)

    @property
    def search_variables(self):
        """The logits of all cells."""
        return [v for c in self.cells.values() for v in c.search_variables]

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "stems": {k: serialize(v) for k, v in self.stems.items()},
            "stages": [serialize(stage) for stage in self.stages],
            "pooling": serialize(self.pooling),
            "head": serialize(self.head),
            "image_shape": self.image_shape,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        deserialize = keras.saving.deserialize_keras_object
        config = dict(config)
        stems = config.pop("stems")
        return cls(
            stems={k: deserialize(v) for k, v in stems.items()},
            stages=[deserialize(stage) for stage in config.pop("stages")],
            pooling=deserialize(config.pop("pooling")),
            head=deserialize(config.pop("head")),
            **config,
        )


def build_once(layer, input_shape):
    """Builds a layer, unless loading has built it, and gives its output."""
    if not layer.built:
        layer.build(input_shape)
    return layer.compute_output_shape(input_shape)


def reid_network(
    backbone="resnet50",
    image_shape=(288, 144, 3),
    num_identities=206,
    search="dual",
    weights=None,
    skip_classifier=False,
    inner=False,
    **cell_arguments,
):
    """Makes a two-stream network for RGB-infrared person re-identification.

    Args:
        backbone: `"resnet50"`, `"agw"` (with its non-local blocks),
            `"resnet18"`, `"tiny"`, `"imagenet_resnet50"`, or a `Backbone`,
            such as one that `keras_backbone` cuts from any Keras model.
        image_shape: `(height, width, 3)`.
        num_identities: Positive integer. Identities to classify.
        search: What each stage's cell searches: `"dual"`, `"channel"`,
            `"spatial"`, or `None` for the network without cells.
        weights: `"imagenet"`, `"synthetic"` (of `"tiny"`), the path of a
            weights file as `import_weights` takes it, or `None` to start at
            random. With `"imagenet"`,
            `"resnet50"` and `"agw"` have their strides where those weights
            want them: they are made of `imagenet_resnet50`.
        skip_classifier: Whether the classifier starts at random all the same.
        inner: Whether the search of channels takes in those between the
            convolutions of a residual block, where most operations are.
            Defaults to `False`.
        **cell_arguments: Arguments of the cells, such as `initial_logit`.

    Returns:
        A built `ReIDNetwork`.

    Raises:
        ValueError: For an unknown backbone or kind of search, weights that do
            not fit, or `inner` where no channels are searched or no block is
            residual.

    Reference:
        A cell in every stage is the paper's; the inner gates are our choice.
    """
    backbone = make_backbone(backbone, weights)
    if inner:
        add_inner_gates(backbone, search, **cell_arguments)
    network = ReIDNetwork(
        stems={name: backbone.make_stem(name) for name in MODALITIES},
        stages=[
            Stage(
                blocks,
                make_cell(search, name="cell", **cell_arguments),
                name=f"stage{i}",
            )
            for i, blocks in enumerate(backbone.stages, start=1)
        ],
        pooling=GeneralizedMeanPooling2D(name="pooling"),
        head=EmbeddingHead(num_identities, name="head"),
        image_shape=image_shape,
        name="reid_network",
    )
    network.build()
    if weights is not None:
        import_weights(network, weights, skip_classifier)
    return network


def add_inner_gates(backbone, search, seed=None, combine=None, **arguments):
    """Adds gates between the convolutions of a backbone's residual blocks."""
    blocks = [
        block
        for blocks in backbone.stages
        for block in blocks
        if isinstance(block, ResidualBlock)
    ]
    if search not in ("dual", "channel") or not blocks:
        raise ValueError(
            "`inner` belongs to a search of channels in residual blocks. "
            f"Received: inner=True, search={search!r}, with {len(blocks)} "
            "residual blocks. Pass search='dual' and a residual backbone."
        )
    for i, block in enumerate(blocks, start=1):
        # One seed would give all gates of a width the same noise.
        own = None if seed is None else seed + 2 * i
        block.add_inner_gates(seed=own, **arguments)


def make_backbone(backbone, weights=None):
    """Gives a `Backbone` as it is, and makes the one that a name stands for."""
    if isinstance(backbone, Backbone):
        return backbone
    if backbone not in BACKBONES:
        raise ValueError(
            f"`backbone` must be a `Backbone` or one of {sorted(BACKBONES)}. "
            f"Received: backbone={backbone!r}. "
            "Cut another Keras model into stages with `keras_backbone`."
        )
    if weights == "imagenet" and backbone in WITH_IMAGENET:
        return WITH_IMAGENET[backbone]()
    return BACKBONES[backbone]()
