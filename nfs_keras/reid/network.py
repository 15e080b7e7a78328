"""The two-stream re-identification network."""

import copy

import keras
from keras import ops

from nfs_keras.layers import GeneralizedMeanPooling2D, SearchGate
from nfs_keras.modalities import MODALITIES, check_modality
from nfs_keras.ops import l2_normalize
from nfs_keras.reid.backbones import Gates, make_backbone
from nfs_keras.reid.weights import import_weights
from nfs_keras.search.compact import compact_graph
from nfs_keras.search.graph import trace

NECK = {
    "momentum": 0.9,  # PyTorch's 0.1; Keras' own 0.99 lags in a short search
    "epsilon": 1e-5,
    "center": False,
}


@keras.saving.register_keras_serializable(package="nfs_keras")
class ReIDNetwork(keras.Model):
    """Embeds visible and infrared images of people into one space.

    It consists of functional models: each modality has its own stem, and both
    share one trunk, which contains the gates.

    Args:
        stems: Dict of two models from image to maps, `"visible"` and
            `"infrared"`.
        trunk: Model from maps and `modality`, int32 `(batch,)`, to a dict of
            `"pooled"`, `"embedding"` and `"logits"`.
        facts: Dict of JSON values that is saved with the network, such as
            the dataset of its training. Defaults to `None`, for none.
        **kwargs: Base model keyword arguments.

    Call arguments:
        inputs: Dict of `"visible"` and `"infrared"`, float tensors of shape
            `(batch, *image_shape)`, RGB in [0, 255]. The two batches may
            differ in size, and one may be empty.
        training: Whether batch normalisation uses the batch's statistics, and
            gates draw noise.

    Output shape:
        Dict of `"pooled"` `(batch, dim)`, `"embedding"` `(batch, dim)`, which
        is not normalised, and `"logits"` `(batch, num_identities)`: first the
        visible rows, then the infrared ones.

    Reference:
        Two streams with shared deeper layers and a search cell in every
        shared block are the paper's; pooling, neck and classifier are AGW's
        (Ye et al., TPAMI 2021). That closed channels are zero in the
        embedding too is our choice.
    """

    def __init__(self, stems, trunk, facts=None, **kwargs):
        super().__init__(**kwargs)
        self.stems = stems
        self.trunk = trunk
        self.facts = facts or {}
        self.built = True

    @property
    def image_shape(self):
        """`(height, width, 3)`."""
        return tuple(self.stems["visible"].input_shape[1:])

    @property
    def num_identities(self):
        """Int. Number of identities of the classifier."""
        return self.trunk.output["logits"].shape[-1]

    @property
    def head_variables(self):
        """The trainable variables of the neck and the classifier."""
        layers = map(self.trunk.get_layer, ("neck", "classifier"))
        return [v for layer in layers for v in layer.trainable_variables]

    def call(self, inputs, training=False):
        halves = [
            self._stem(name, inputs[name], training) for name in MODALITIES
        ]
        modality = ops.concatenate(
            [
                ops.full((ops.shape(half)[0],), index, dtype="int32")
                for index, half in enumerate(halves)
            ]
        )
        maps = ops.concatenate(halves)
        return self.trunk([maps, modality], training=training)

    def _stem(self, name, images, training):
        stem = self.stems[name]
        if images.shape[0] == 0:
            # TensorFlow's oneDNN convolution gives it a wrong shape.
            return ops.zeros((0, *stem.output_shape[1:]), self.compute_dtype)
        return stem(images, training=training)

    def encoder(self, modality):
        """Makes the network of one modality, with shared weights.

        Args:
            modality: `"visible"` or `"infrared"`.

        Returns:
            A functional `keras.Model` from `image`, float `(batch,
            *image_shape)`, RGB in [0, 255], to `embedding`, float32 `(batch,
            dim)`, L2-normalised.
        """
        index = index_of(modality)
        image = keras.Input(self.image_shape, name="image")
        outputs = trace(self.trunk).run(
            [self.stems[modality](image), index],
            lambda node, *args, **kwargs: node.layer(*args, **kwargs),
        )
        embedding = l2_normalize(outputs["embedding"])
        return keras.Model(image, embedding, name=f"{modality}_encoder")

    @property
    def functional(self):
        """One stem and the trunk as one functional model.

        It is for functions that read graphs: counts of operations, summaries.
        Its input `modality` selects the gates; both modalities pass the same
        stem.
        """
        image = keras.Input(self.image_shape, name="image")
        modality = keras.Input((), dtype="int32", name="modality")
        outputs = self.trunk([self.stems["visible"](image), modality])
        return keras.Model([image, modality], outputs, name=self.name)

    def compacted(self, modality=None):
        """Returns a smaller network, without the channels of closed gates.

        Args:
            modality: Name or index of the only modality to serve, or `None`.

        Returns:
            A `ReIDNetwork`. Its embedding has only the entries that are kept
            for some modality; the others were zero.
        """
        index = index_of(modality) if isinstance(modality, str) else modality
        trunk = compact_graph(self.trunk, index, drop=("pooled", "embedding"))
        stems = {name: compact_graph(s) for name, s in self.stems.items()}
        return ReIDNetwork(stems, trunk, self.facts, name=self.name)

    def named_variables(self):
        """Returns a dict from name to variable, without the gates.

        Names are those of the layers, such as `"stage1_block1_conv1/kernel"`;
        in a stem they begin with its name: `"visible_stem/conv/kernel"`.
        """
        models = [("", self.trunk)]
        models += [(f"{stem.name}/", stem) for stem in self.stems.values()]
        return {
            f"{prefix}{layer.name}/{v.path.split(f'{layer.name}/')[-1]}": v
            for prefix, model in models
            for layer in model.layers
            if not isinstance(layer, SearchGate)
            and not hasattr(layer, "search_variables")
            for v in layer.variables
            if "seed_generator" not in v.path
        }

    def copy_features(self, network):
        """Copies the weights and statistics of a network, without its gates.

        Args:
            network: A `ReIDNetwork` of the same backbone, head and image
                shape, with any gates or none.
        """
        theirs = network.named_variables()
        for name, variable in self.named_variables().items():
            variable.assign(theirs[name])

    def get_config(self):
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "stems": {k: serialize(v) for k, v in self.stems.items()},
            "trunk": serialize(self.trunk),
            "facts": dict(self.facts),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = copy.deepcopy(config)  # Keras changes the dict it reads
        deserialize = keras.saving.deserialize_keras_object
        return cls(
            stems={k: deserialize(v) for k, v in config["stems"].items()},
            trunk=deserialize(config["trunk"]),
            facts=config["facts"],
            name=config["name"],
        )


def reid_network(
    backbone="resnet50",
    image_shape=(288, 144, 3),
    num_identities=206,
    search="dual",
    weights=None,
    skip_classifier=False,
    inner=False,
    **gate_arguments,
):
    """Makes a two-stream network for RGB-infrared person re-identification.

    Args:
        backbone: `"resnet50"`, `"agw"` (with its non-local blocks),
            `"resnet18"`, `"tiny"`, `"imagenet_resnet50"`, or a `Backbone`,
            such as one that `keras_backbone` makes of any Keras model.
        image_shape: `(height, width, 3)`.
        num_identities: Positive integer. Identities to classify.
        search: What each stage's gates search: `"dual"`, `"channel"`,
            `"spatial"`, or `None` for the network without gates.
        weights: `"imagenet"`, `"synthetic"` (of `"tiny"`), the path of a
            weights file as `import_weights` takes it, or `None` to start at
            random. With `"imagenet"`, `"resnet50"` and `"agw"` are made of
            `imagenet_resnet50`, whose strides fit those weights.
        skip_classifier: Whether the classifier starts at random in any case.
        inner: Whether to search also the channels between the convolutions of
            a residual block, where most operations are. Defaults to `False`.
        **gate_arguments: Arguments of the gates, such as `initial_logit`, and
            `combine` of `DualLevelSearch`.

    Returns:
        A built `ReIDNetwork`. Its gates are named `stage1_channel`,
        `stage1_spatial` and, with `inner`, `stage1_block1_inner1_channel`.

    Raises:
        ValueError: For an unknown backbone or kind of search, weights that do
            not fit, or `inner` where no channels are searched or there is no
            residual block.
    """
    check_identities(num_identities)
    made = make_backbone(backbone, weights)
    stems = {name: made.make_stem(image_shape, name) for name in MODALITIES}
    maps = keras.Input(stems["visible"].output_shape[1:], name="maps")
    modality = keras.Input((), dtype="int32", name="modality")
    gates = Gates(search, inner, modality, **gate_arguments)
    pooled = GeneralizedMeanPooling2D(name="pooling")(made.grow(maps, gates))
    check_inner(inner, search, gates)
    neck = keras.layers.BatchNormalization(
        gamma_initializer=keras.initializers.RandomNormal(1.0, 0.01),
        name="neck",
        **NECK,
    )
    embedding = gates.embedding(neck(pooled))
    logits = keras.layers.Dense(
        num_identities,
        use_bias=False,
        kernel_initializer=keras.initializers.RandomNormal(0.0, 0.001),
        name="classifier",
    )(embedding)
    trunk = keras.Model(
        [maps, modality],
        {"pooled": pooled, "embedding": embedding, "logits": logits},
        name="trunk",
    )
    network = ReIDNetwork(stems, trunk, name="reid_network")
    if weights is not None:
        import_weights(network, weights, skip_classifier)
    return network


def index_of(modality):
    """Returns the index of a modality's name."""
    check_modality(modality)
    return MODALITIES.index(modality)


def check_identities(num_identities):
    """Raises `ValueError` unless there is an identity to classify."""
    if num_identities < 1:
        raise ValueError(
            "A network classifies at least one identity. "
            f"Received: num_identities={num_identities}. "
            "Pass the number of identities in the training set."
        )


def check_inner(inner, search, gates):
    """Raises `ValueError` if inner gates were requested and none was made."""
    made = any("_inner" in name for name in gates.made)
    if inner and (search not in ("dual", "channel") or not made):
        raise ValueError(
            "`inner` needs a search of channels in residual blocks. "
            f"Received: inner=True, search={search!r}, with {len(gates.made)} "
            "gates. Pass search='dual' and a residual backbone."
        )
