"""The state and the sampling that every search gate shares."""

import keras
from keras import ops

from nfs_keras.layers.gate_checks import (
    check_gate_arguments,
    check_mask,
    check_modality,
)
from nfs_keras.ops import (
    derived_gate,
    gate_entropy,
    logistic_noise,
    open_probability,
    relaxed_bernoulli,
)


class SearchGate(keras.layers.Layer):
    """Base class of the layers that search what to keep of a feature map.

    A gate owns one logit per choice and modality. In training a choice is a
    random relaxed keep-or-drop, so the loss can move its logit; at inference
    it is that choice's noise-free value. A gate is always in one of two
    states: *searching* (the initial one) or *frozen* to a constant mask.
    Subclasses say what the choices are about by `gate_shape`.

    Args:
        num_modalities: Positive integer. With 1 the gate serves any
            single-stream model; with more, `call` needs `modality`.
            Defaults to `2` (0 visible, 1 infrared).
        relaxation: `"hard_concrete"`, `"binary_concrete"` or
            `"straight_through"`. Defaults to `"hard_concrete"`.
        noise: `"sample"` draws one choice per sample, `"batch"` one per batch
            and modality. Defaults to `"sample"`, the calmer gradient.
        initial_logit: Float. Above 0 the search starts with its gates mostly
            open. Defaults to `1.5`.
        initial_temperature: Positive float. How soft the choice starts.
            Defaults to `0.5`.
        seed: Integer seed of the noise, or `None`.
        **kwargs: Base layer keyword arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Float tensor of shape `(batch, height, width, channels)`,
            `channels_last` only.
        modality: Int tensor of shape `(batch,)`, values in
            `[0, num_modalities)`. In eager mode another value is an error;
            in a compiled graph it closes the gate for that sample. One
            Python int stands for a batch of that modality.
        training: Whether to draw noise.

    Input shape:
        4D tensor `(batch, height, width, channels)`, static but for `batch`.

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
        num_modalities=2,
        relaxation="hard_concrete",
        noise="sample",
        initial_logit=1.5,
        initial_temperature=0.5,
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_gate_arguments(
            num_modalities, relaxation, noise, initial_temperature
        )
        self.num_modalities = num_modalities
        self.relaxation = relaxation
        self.noise = noise
        self.initial_logit = initial_logit
        self.initial_temperature = initial_temperature
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self.logits = None
        self.temperature = None

    def gate_shape(self, input_shape):
        """Gives the shape of one sample's gate, which broadcasts to a map."""
        raise NotImplementedError

    def build(self, input_shape):
        shape = self.gate_shape(input_shape)
        if None in shape:
            raise ValueError(
                f"`{type(self).__name__}` needs static height, width and "
                f"channels. Received: input_shape={tuple(input_shape)}. "
                "Give all three in `keras.Input(shape=...)`."
            )
        shape = (self.num_modalities, *shape)
        self.logits = self._add_state("logits", shape, self.initial_logit, True)
        if self.temperature is None:  # `DualLevelSearch` shares one
            self.temperature = self._add_state(
                "temperature", (), self.initial_temperature
            )
        self.searching = self._add_state("searching", (), 1.0)
        self.mask = self._add_state("mask", shape, 1.0)

    def call(self, inputs, modality=None, training=False):
        keep = self.keep(ops.shape(inputs)[0], modality, training)
        return inputs * ops.cast(keep, inputs.dtype)

    def keep(self, batch_size, modality=None, training=False):
        """Draws the gates of a batch (or, at inference, computes them).

        Args:
            batch_size: Int or scalar tensor.
            modality: As in the call.
            training: As in the call.

        Returns:
            Float32 tensor in [0, 1] that broadcasts against the feature map.
        """
        where = (batch_size, modality)
        logits = ops.convert_to_tensor(self.logits)
        if training and self.noise == "sample":
            logits = self._per_sample(logits, *where)
            gates = self._relaxed(logits, (batch_size, *logits.shape[1:]))
            gates = gates * self._known(modality, gates)
        else:
            # A gate that is computed once has the same bits for all samples.
            gates = self._relaxed(logits, logits.shape if training else None)
            gates = self._per_sample(gates, *where)
        mask = self._per_sample(self.mask, *where)
        return ops.where(self.searching > 0, gates, mask)

    @property
    def search_variables(self):
        """The variables that the search trains: the logits, once built."""
        return [] if self.logits is None else [self.logits]

    def open_fraction(self):
        """Scalar tensor: the expected share of gates that are not closed."""
        probability = open_probability(
            self.logits, self.temperature, self.relaxation
        )
        mask = ops.convert_to_tensor(self.mask)  # JAX's `where` needs one
        return ops.mean(ops.where(self.searching > 0, probability, mask))

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
        """
        mask = self.derived_mask() if mask is None else mask
        check_mask(self, mask)
        self.mask.assign(ops.broadcast_to(mask, self.mask.shape))
        self.searching.assign(0.0)

    def open(self):
        """Fixes every gate open: the layer becomes the identity."""
        self.freeze(1.0)

    def search(self):
        """Goes (back) to searching; the logits are where they were left."""
        self.searching.assign(1.0)

    def _add_state(self, name, shape, value, trainable=False):
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=keras.initializers.Constant(value),
            trainable=trainable,
            autocast=False,
            dtype="float32",  # under any policy: gates move by small steps
        )

    def _relaxed(self, logits, noise_shape=None):
        """Relaxes the choices, with fresh noise where a shape is given."""
        noise = None
        if noise_shape is not None:
            noise = logistic_noise(noise_shape, self.seed_generator)
        return relaxed_bernoulli(
            logits, self.temperature, self.relaxation, noise
        )

    def _per_sample(self, rows, batch_size, modality):
        """Picks each sample's row of a `(num_modalities, ...)` tensor."""
        rows = ops.convert_to_tensor(rows)
        if self.num_modalities == 1:
            return rows
        check_modality(self, modality, batch_size)
        if isinstance(modality, int):
            return rows[modality : modality + 1]
        # A product with one-hot rows has a dense gradient, unlike a gather.
        one_hot = ops.one_hot(modality, self.num_modalities, dtype="float32")
        one_hot = ops.reshape(one_hot, (-1, self.num_modalities, 1, 1, 1))
        return ops.sum(one_hot * rows[None], axis=1)

    def _known(self, modality, gates):
        if self.num_modalities == 1 or isinstance(modality, int):
            return 1.0
        known = ops.logical_and(modality >= 0, modality < self.num_modalities)
        return ops.reshape(ops.cast(known, gates.dtype), (-1, 1, 1, 1))

    def save_own_variables(self, store):
        super().save_own_variables(store)
        # Keras leaves seeds out; with them a resumed search draws the noise
        # that the uninterrupted one would have drawn.
        store["seed"] = ops.convert_to_numpy(self.seed_generator.state)

    def load_own_variables(self, store):
        weights = {name: store[name] for name in store.keys() - {"seed"}}
        super().load_own_variables(weights)
        if "seed" in store:
            self.seed_generator.state.assign(store["seed"])

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_modalities": self.num_modalities,
            "relaxation": self.relaxation,
            "noise": self.noise,
            "initial_logit": self.initial_logit,
            "initial_temperature": self.initial_temperature,
            "seed": self.seed,
        }
