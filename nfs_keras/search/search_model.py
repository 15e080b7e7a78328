"""The search: gates and weights, trained in turn on two halves of the data."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from nfs_keras.layers import find_gates
from nfs_keras.layers.replicas import num_replicas
from nfs_keras.layers.search_gate import SAMPLING, WAITING, forward_pass
from nfs_keras.search.architecture import (
    Architecture,
    check_budget,
    check_counted,
)
from nfs_keras.search.compiled_loss import check_loss, loss_of, part_names
from nfs_keras.search.flow import count_operations, expected, nothing_closed
from nfs_keras.search.graph import trace
from nfs_keras.search.training_model import (
    TrainingModel,
    check_group,
    of_gates,
)
from nfs_keras.search.unrolled import unrolled_gradients

MODES = ("first_order", "second_order", "joint")
PHASES = ("open", "searching", "frozen")


@keras.saving.register_keras_serializable(package="nfs_keras")
class SearchModel(TrainingModel):
    """Searches which features of a model to keep.

    Feature selection as bilevel optimisation: the gates should be best for
    weights that are themselves best for the gates. In each step

    1. the gates descend their loss on a *proxy* batch, weights fixed;
    2. the weights descend theirs on a *training* batch, with sampled gates.

    In the first step batch normalisation uses its moving statistics, so that
    the step changes logits and nothing else. The paper fixes the bilevel form;
    the budget term and the statistics are our choice.

    A search has three phases, kept in a saved variable: with `hold_open` the
    gates are open and only weights train; with `start` both train; with
    `freeze` the gates are decided and only weights train. It begins searching;
    the callback `SearchPhases` goes through all three.

    Args:
        model: A built functional model with search gates, or a `ReIDNetwork`.
        **kwargs: Base model keyword arguments.

    Example:

    ```python
    search = SearchModel(model)
    search.compile(
        optimizer=keras.optimizers.SGD(0.1),
        arch_optimizer=keras.optimizers.Adam(0.1),
        loss="sparse_categorical_crossentropy",
        budget=0.6,
    )
    search.fit(tf.data.Dataset.zip(train_batches, proxy_batches))
    architecture = search.derive()
    ```

    Reference:
        Chen et al., "Neural Feature Search for RGB-Infrared Person
        Re-Identification", CVPR 2021; Liu, Simonyan, Yang, "DARTS", ICLR 2019,
        for the first-order and the unrolled step.
    """

    def __init__(self, model, **kwargs):
        super().__init__(model, **kwargs)
        if not find_gates(model):
            raise ValueError(
                "A `SearchModel` needs a model with search gates. "
                f"Received: model={model.name!r} without any. "
                "Put a `DualLevelSearch` into it, call `add_gates`, or train "
                "it with a `TrainingModel`."
            )
        self.phase = self.add_weight(
            name="phase",
            shape=(),
            dtype="int32",
            trainable=False,
            initializer=keras.initializers.Constant(PHASES.index("searching")),
        )
        self._functions = {}

    def compile(
        self,
        optimizer="sgd",
        arch_optimizer="adam",
        loss=None,
        arch_loss=None,
        metrics=None,
        mode="first_order",
        budget=None,
        budget_weight=15.0,
        **kwargs,
    ):
        """Configures the search.

        Args:
            optimizer: Keras optimizer (or its name) of the weights.
            arch_optimizer: Keras optimizer (or its name) of the logits.
            loss: What the weights descend, as for `TrainingModel.compile`.
            arch_loss: What the gates descend. Defaults to `loss`.
            metrics: As for `keras.Model.compile`, of the training batches.
            mode: `"first_order"`; `"second_order"`, where the gates look one
                weight step ahead (by finite difference); or `"joint"`, where
                they move on the training batch, as a control.
            budget: Share of the model's operations to aim at, in (0, 1), or
                `None`. `derive` meets it.
            budget_weight: Weight of |expected share - budget| in the gates'
                loss.
            **kwargs: Other arguments of `keras.Model.compile`.

        Raises:
            ValueError: For arguments that no search can be run with.
        """
        if mode not in MODES:
            raise ValueError(
                f"`mode` must be one of {MODES}. Received: mode={mode!r}. "
                "Pass 'first_order' to search on proxy batches."
            )
        if budget is not None:
            check_budget(budget)
        self.mode = mode
        self.budget = budget
        self.budget_weight = budget_weight
        self.arch_loss_function = check_loss(
            loss if arch_loss is None else arch_loss, self.model
        )
        super().compile(optimizer, loss, metrics, **kwargs)
        parts = ["loss", *part_names(self.arch_loss_function)]
        self.make_means(*(f"arch_{part}" for part in parts))
        if budget is not None:
            self.make_means("operations")
        self.arch_optimizer = keras.optimizers.get(arch_optimizer)
        scaled = keras.optimizers.LossScaleOptimizer
        if isinstance(self.optimizer, scaled) and not isinstance(
            self.arch_optimizer, scaled
        ):  # Keras wraps the weights' alone
            self.arch_optimizer = scaled(self.arch_optimizer)
        self.arch_optimizer.build(check_group(self.search_variables, "gates"))
        if mode == "second_order":
            check_second_order(self.optimizer)
        self._graph = None
        if budget is not None:
            self._graph = trace(getattr(self.model, "functional", self.model))
            self._operations = count_operations(self._graph, nothing_closed)
            check_counted(self._operations)
        self._functions = {}

    def check_element(self, element):
        check_pair(element)
        for batch, loss in zip(
            element, (self.loss_function, self.arch_loss_function), strict=True
        ):
            self._check_batch(batch, loss)

    @property
    def trainable_variables(self):
        return self.weight_variables + self.search_variables

    def call(self, inputs, training=False, sample_gates=None):
        if sample_gates is not None:
            forward_pass(self)[SAMPLING] = sample_gates
        return self.model(inputs, training=training)

    def train_step(self, data):
        check_pair(data)
        train, proxy = data
        if self.mode == "joint":
            proxy = train
        if self.phase_name == "searching":  # decided when it is traced
            self.descend_gates(train, proxy)
        self.descend_weights(train)
        return self.report()

    def test_step(self, data):
        check_plain(data)
        return super().test_step(data)

    def descend_gates(self, train, proxy):
        """Updates only the logits, by the proxy batch."""
        if self.mode == "second_order":
            gradients = unrolled_gradients(self, train, proxy)
        else:
            gradients = self.gate_gradients(proxy)
        self.arch_optimizer.apply(gradients, self.search_variables)

    def gate_gradients(self, batch):
        """Differentiates the gates' loss by the logits."""
        logits = [v.value for v in self.search_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(logits)  # no gradient of a weight is ever computed
            scaled = self.arch_optimizer.scale_loss(self.arch_loss(batch))
        return tape.gradient(scaled, logits, unconnected_gradients="zero")

    def arch_loss(self, batch):
        """Computes the upper loss, which the gates descend."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(batch)
        outputs = self(x, training=False, sample_gates=True)
        loss, parts = loss_of(self.arch_loss_function, y, outputs, weight)
        loss = loss + self.added_losses()
        if self.budget is not None:
            share = self.expected_operations()
            excess = self.budget_weight * ops.abs(share - self.budget)
            loss = loss + excess / num_replicas()
            self.track(operations=share)
        self.track_loss(loss, parts, prefix="arch_")
        return loss

    def expected_operations(self):
        """Scalar tensor: expected share of the operations, once compacted."""
        return count_operations(self._graph, expected) / self._operations

    def lower_loss(self, batch):
        """The weights' loss, with sampled gates and moving statistics."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(batch)
        outputs = self(x, training=False, sample_gates=True)
        loss, _ = loss_of(self.loss_function, y, outputs, weight)
        return loss + self.added_losses()

    def report(self):
        """The means of this epoch so far, and the state of the gates."""
        gates = find_gates(self.model)
        logs = super().report()
        if self.phase_name != "searching":
            logs = {k: v for k, v in logs.items() if not of_gates(k)}
        return {
            **logs,
            "open_fraction": sum(g.open_fraction() for g in gates) / len(gates),
            "gate_entropy": sum(g.entropy() for g in gates) / len(gates),
            "temperature": ops.convert_to_tensor(gates[0].temperature),
        }

    def derive(self, budget=None):
        """Decides every gate: the `Architecture` that the search has found.

        Args:
            budget: As in `Architecture.derive`. Defaults to the compiled one,
                or to the frozen masks once the gates are frozen.
        """
        if budget is None and self.phase_name != "frozen":
            budget = getattr(self, "budget", None)
        return Architecture.derive(self.model, budget)

    def hold_open(self):
        """Starts the first phase: gates open, only weights train."""
        for gate in find_gates(self.model):
            gate.wait()
        self._set_phase("open")

    def start(self):
        """Starts the second phase: gates and weights train in turn.

        Gates that were frozen before stay frozen.
        """
        for gate in find_gates(self.model):
            if float(ops.convert_to_numpy(gate.searching)) == WAITING:
                gate.search()
        self._set_phase("searching")

    def freeze(self):
        """Starts the third phase: derives and applies an architecture.

        Returns:
            The `Architecture`.
        """
        architecture = self.derive()
        architecture.apply(self.model)
        self._set_phase("frozen")
        return architecture

    @property
    def phase_name(self):
        """`"open"`, `"searching"` or `"frozen"`."""
        with tf.init_scope():  # its value, also while a step is traced
            return PHASES[int(ops.convert_to_numpy(self.phase))]

    def _set_phase(self, name):
        self.phase.assign(PHASES.index(name))
        if self.train_function is not None:  # `fit` is under way
            self.make_train_function()

    def make_train_function(self, force=False):
        # Two compiled steps, with and without the gates.
        searching = self.phase_name == "searching"
        if force or searching not in self._functions:
            super().make_train_function(force=True)
            self._functions[searching] = self.train_function
        self.train_function = self._functions[searching]

    def get_compile_config(self):
        if not self.compiled:
            return {}
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_compile_config(),
            "arch_optimizer": serialize(self.arch_optimizer),
            "arch_loss": serialize(self.arch_loss_function),
            "mode": self.mode,
            "budget": self.budget,
            "budget_weight": self.budget_weight,
        }


def check_pair(element):
    """Raises `ValueError` unless this is a training and a proxy batch."""
    pair = isinstance(element, (tuple, list)) and len(element) == 2
    if not pair or not all(isinstance(b, (tuple, list)) for b in element):
        raise ValueError(
            "A search takes pairs of a training and a proxy batch. "
            f"Received: elements of {shapes(element)}."
            " Pass `tf.data.Dataset.zip(train_batches, proxy_batches)`."
        )


def check_plain(element):
    """Raises `ValueError` for a pair of batches where one is expected."""

    def is_batch(x):
        return isinstance(x, (tuple, list)) and len(x) in (2, 3)

    if len(element) == 2 and all(map(is_batch, element)):
        raise ValueError(
            "A search is evaluated on plain batches of inputs and targets. "
            f"Received: elements of {shapes(element)}. "
            "Pass batches that are not zipped with proxy batches."
        )


def shapes(element):
    """The shapes of a structure of tensors."""
    return keras.tree.map_structure(lambda x: tuple(np.shape(x)), element)


def check_second_order(optimizer):
    """Raises `ValueError` where no second-order step is possible."""
    replicas = num_replicas()
    if replicas > 1 or not hasattr(optimizer, "learning_rate"):
        raise ValueError(
            "The second order looks one step of one learning rate ahead, on "
            f"one device. Received: optimizer={type(optimizer).__name__}, "
            f"with {replicas} replicas. "
            "Pass mode='first_order'."
        )
