"""The state and the sampling that every search gate shares."""

import zlib

import keras
import numpy as np
from keras import ops

from nfs_keras.layers.gate_checks import (
    check_built,
    check_gate_arguments,
    check_mask,
    checked_modality,
)
from nfs_keras.layers.replicas import ReplicaSeedGenerator
from nfs_keras.ops import (
    derived_gate,
    gate_entropy,
    logistic_noise,
    open_probability,
    relaxed_bernoulli,
)

SEARCHING, FROZEN, WAITING = 1.0, 0.0, -1.0  # states of a gate
SAMPLING = "sampling"  # see `forward_pass`


class SearchGate(keras.layers.Layer):
    """Base class of the layers that search what to keep of a feature map.

    A gate owns one logit per choice and modality. In training a choice is a
    random relaxed keep-or-drop, so the loss can move its logit; at inference
    it is that choice's noise-free value. A gate is *searching* (the initial
    state), *frozen* to a constant mask, or *waiting*: open until its search
    starts. Subclasses define what is chosen in `gate_shape` and `broadcast`.

    A gate that is called at several places of a model is one decision: within
    one call of the model every place uses the same sample.

    Args:
        num_modalities: Positive integer. With more than 1, `call` needs
            `modality`. Defaults to `1`.
        relaxation: `"hard_concrete"`, `"binary_concrete"` or
            `"straight_through"`. Defaults to `"hard_concrete"`.
        noise: `"sample"` draws one choice per sample, `"batch"` one per batch
            and modality. Defaults to `"sample"`, the calmer gradient.
        initial_logit: Float. Above 0 the search starts with its gates mostly
            open. Defaults to `1.5`.
        initial_temperature: Positive float. How soft the choice starts.
            Defaults to `0.5`.
        sparsity: Non-negative float. Weight of a loss, the expected number of
            open gates, that training adds: with it plain `fit` closes gates.
            Defaults to `0.0`.
        seed: Integer seed of the noise, or `None`. Gates of one seed and
            different names draw different noise. Defaults to `None`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Float tensor `(batch, ..., channels)`, `channels_last` only.
        modality: Int tensor of shape `(batch,)`, values in
            `[0, num_modalities)`, or one Python int for all samples; left out
            where `num_modalities=1`. In eager mode another value is an error;
            in a compiled graph it closes the gate for that sample.
        training: Whether to draw noise. Inference draws nothing.
        frozen_only: Whether to zero no more than what is frozen closed for
            every modality: for what is computed from the gated map, such as
            an embedding. Defaults to `False`.

    Input shape:
        Tensor `(batch, ..., channels)`, static where the gate has logits.

    Output shape:
        Same as the input.

    Raises:
        ValueError: For an argument out of its range, a dynamic shape, or a
            `modality` that is missing, of the wrong length or out of range.

    Reference:
        Louizos, Welling, Kingma, "Learning Sparse Neural Networks through L0
        Regularization", ICLR 2018, for the hard concrete gate. The paper of
        Neural Feature Search names no formula: the choice is ours.
    """

    def __init__(
        self,
        num_modalities=1,
        relaxation="hard_concrete",
        noise="sample",
        initial_logit=1.5,
        initial_temperature=0.5,
        sparsity=0.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_gate_arguments(
            num_modalities, relaxation, noise, initial_temperature, sparsity
        )
        self.num_modalities = num_modalities
        self.relaxation = relaxation
        self.noise = noise
        self.initial_logit = initial_logit
        self.initial_temperature = initial_temperature
        self.sparsity = sparsity
        self.seed = seed
        self.seed_generator = ReplicaSeedGenerator(named_seed(seed, self.name))
        self.logits = None
        self.temperature = None

    def gate_shape(self, input_shape):
        """Returns the shape of one modality's choices."""
        raise NotImplementedError

    def broadcast(self, keep, ndim):
        """Reshapes `(batch, *gate_shape)` to broadcast against a map."""
        raise NotImplementedError

    def build(self, input_shape):
        shape = self.gate_shape(input_shape)
        if not shape or None in shape:
            raise ValueError(
                f"`{type(self).__name__}` needs a static shape of what it "
                f"chooses from. Received: input_shape={tuple(input_shape)}. "
                "Give height, width and channels in `keras.Input(shape=...)`."
            )
        shape = (self.num_modalities, *shape)
        self.logits = self._add_state("logits", shape, self.initial_logit, True)
        if self.temperature is None:  # `DualLevelSearch` shares one
            self.temperature = self._add_state(
                "temperature", (), self.initial_temperature
            )
        self.searching = self._add_state("searching", (), SEARCHING)
        self.mask = self._add_state("mask", shape, 1.0)

    def call(self, inputs, modality=None, training=False, frozen_only=False):
        if frozen_only:
            keep = self._frozen_open()
        else:
            keep = self.keep(
                ops.shape(inputs)[0], modality, training, forward_pass(self)
            )
        keep = self.broadcast(keep, len(inputs.shape))
        return inputs * ops.cast(keep, inputs.dtype)

    def keep(self, batch_size, modality=None, training=False, sampled=None):
        """Samples the gates of a batch (or, at inference, computes them).

        Args:
            batch_size: Int or scalar tensor.
            modality: As in the call.
            training: As in the call.
            sampled: Dict of the gates that are already sampled in this
                `forward_pass`. Defaults to `None`, for a new sample.

        Returns:
            Float32 tensor in [0, 1] of shape `(batch_size or 1, *gate_shape)`.
        """
        sampled = {} if sampled is None else sampled
        if not sampled.get(SAMPLING, training):
            return self._select(self._values(None), batch_size, modality)
        key = (id(self), batch_size if isinstance(batch_size, int) else None)
        if key not in sampled:
            rows = batch_size if self.noise == "sample" else 1
            noise = logistic_noise(
                (rows, *self.logits.shape), self.seed_generator
            )
            sampled[key] = self._values(noise)
            self._add_sparsity()
        return self._select(sampled[key], batch_size, modality)

    def _frozen_open(self):
        """`(1, *gate_shape)`: 0 where a frozen gate closes all modalities."""
        mask = ops.max(ops.convert_to_tensor(self.mask), axis=0, keepdims=True)
        some = ops.cast(mask > 0, "float32")
        return ops.where(self.searching == FROZEN, some, 1.0)

    def _values(self, noise):
        """Values of the gates of all modalities: relaxed, or the mask."""
        logits = ops.convert_to_tensor(self.logits)[None]
        gates = relaxed_bernoulli(
            logits, self.temperature, self.relaxation, noise
        )
        mask = ops.convert_to_tensor(self.mask)[None]
        return ops.where(self.searching > 0, gates, mask)

    def _select(self, values, batch_size, modality):
        """Picks each sample's modality of `(batch or 1, modalities, ...)`."""
        if self.num_modalities == 1:
            return values[:, 0]
        modality = checked_modality(self, modality, batch_size)
        if isinstance(modality, int):
            return values[:, modality]
        # A product with one-hot rows has a dense gradient, unlike a gather,
        # and the same bits as the row.
        one_hot = ops.one_hot(modality, self.num_modalities, dtype="float32")
        one_hot = ops.reshape(
            one_hot, (-1, self.num_modalities) + (1,) * (len(values.shape) - 2)
        )
        return ops.sum(one_hot * values, axis=1)

    def _add_sparsity(self):
        if self.sparsity:
            searching = ops.cast(self.searching > 0, "float32")
            expected = ops.sum(self.open_probabilities())
            self.add_loss(self.sparsity * searching * expected)

    @property
    def search_variables(self):
        """The variables that the search trains: the logits, once built."""
        return [] if self.logits is None else [self.logits]

    @property
    def is_frozen(self):
        """Whether the gate is fixed to a mask."""
        # Not `float`, which fails on the variables of a strategy.
        return bool(ops.convert_to_numpy(self.searching) == FROZEN)

    def open_probabilities(self):
        """Tensor like `logits`: the probability that a gate is not closed."""
        probability = open_probability(
            self.logits, self.temperature, self.relaxation
        )
        mask = ops.convert_to_tensor(self.mask)  # JAX's `where` needs one
        return ops.where(self.searching > 0, probability, mask)

    def open_fraction(self):
        """Scalar tensor: the expected share of gates that are not closed."""
        return ops.mean(self.open_probabilities())

    def entropy(self):
        """Scalar tensor: mean entropy of the choices in bits, 1 undecided."""
        return ops.mean(gate_entropy(self.logits))

    def derived_mask(self):
        """NumPy array of 0 and 1, shaped like `logits`: 1 where logit > 0."""
        return ops.convert_to_numpy(derived_gate(self.logits))

    def freeze(self, mask=None):
        """Fixes the gates to `mask`, which defaults to the derived one.

        Args:
            mask: Array of numbers in [0, 1] that broadcasts to the shape of
                `logits`, `(num_modalities, *gate_shape)`.

        Raises:
            ValueError: If the gate is not built or the mask does not fit.
        """
        check_built(self)
        mask = self.derived_mask() if mask is None else mask
        mask = mask if ops.is_tensor(mask) else np.asarray(mask)
        check_mask(self, mask)
        self.mask.assign(ops.broadcast_to(mask, self.mask.shape))
        self.searching.assign(FROZEN)

    def open(self):
        """Fixes every gate open: the layer becomes the identity."""
        self.freeze(1.0)

    def wait(self):
        """Holds the gates open until `search`; leaves a frozen gate frozen."""
        if not self.is_frozen:
            self.freeze(1.0)
            self.searching.assign(WAITING)

    def search(self):
        """Starts or resumes searching, with the logits as they are."""
        check_built(self)
        self.searching.assign(SEARCHING)

    def _add_state(self, name, shape, value, trainable=False):
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=keras.initializers.Constant(value),
            trainable=trainable,
            autocast=False,
            dtype="float32",  # under any policy: gates move by small steps
        )

    def save_own_variables(self, store):
        super().save_own_variables(store)
        # Keras leaves seeds out; with them a resumed search samples the noise
        # that the uninterrupted one would have.
        store["seed"] = ops.convert_to_numpy(self.seed_generator.state)

    def load_own_variables(self, store):
        weights = {name: store[name] for name in store.keys() - {"seed"}}
        super().load_own_variables(weights)
        if "seed" in store:
            self.seed_generator.state.assign(store["seed"])

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(
        self, inputs, modality=None, training=False, frozen_only=False
    ):
        # Keras does not trace `call` where the output shape is known, so what
        # is wrong with the modality has to be found here.
        if self.num_modalities > 1 and not frozen_only:
            checked_modality(self, modality, inputs.shape[0])
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "num_modalities": self.num_modalities,
            "relaxation": self.relaxation,
            "noise": self.noise,
            "initial_logit": self.initial_logit,
            "initial_temperature": self.initial_temperature,
            "sparsity": self.sparsity,
            "seed": self.seed,
        }


def named_seed(seed, name):
    """Mixes a seed with a layer's name; `None` stays `None`."""
    return None if seed is None else zlib.crc32(f"{seed}/{name}".encode()) >> 1


def forward_pass(layer):
    """Returns a dict that exists during one call of the outermost model.

    Gates store their sampled values in it. If `SAMPLING` is a key of it, its
    value decides whether gates draw noise, whatever `training` is.
    """
    # Keras has no public name for a forward pass.
    context = layer._get_call_context()
    if context.get_value("search_gates") is None:
        context.set_value("search_gates", {})
    return context.get_value("search_gates")


def find_gates(model):
    """Lists the search gates of `model`, however deeply they are nested.

    Args:
        model: A `keras.Model` or layer. A `DualLevelSearch` in it counts as
            its two gates.

    Returns:
        List of `SearchGate`s, each once, in the order of the model's layers.
    """
    return [layer for layer in walk(model) if isinstance(layer, SearchGate)]


def walk(layer, seen=None):
    """Lists a layer and all layers in it, each once, outer ones first."""
    seen = set() if seen is None else seen
    if id(layer) in seen:
        return []
    seen.add(id(layer))
    # Keras has no public way to walk into a composite layer.
    inner = layer._flatten_layers(include_self=False, recursive=False)
    if isinstance(layer, keras.Model):
        inner = layer.layers  # in the order of the graph
    return [layer, *(found for x in inner for found in walk(x, seen))]
