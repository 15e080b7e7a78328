"""The search: gates and weights, trained in turn on two halves of the data."""

import keras
import tensorflow as tf
from keras import ops

from nfs_keras.layers import find_gates
from nfs_keras.models.architecture import Architecture
from nfs_keras.models.check_batches import check_batch, check_pair
from nfs_keras.models.objective import Objective, num_replicas
from nfs_keras.models.training_model import TrainingModel
from nfs_keras.models.unrolled import unrolled_gradients

MODES = ("bilevel", "joint")


@keras.saving.register_keras_serializable(package="nfs_keras")
class SearchModel(TrainingModel):
    """Searches which features of a network to keep.

    Feature selection as bilevel optimisation: the gates should be best for
    weights that are themselves best for the gates. In each step

    1. the gates descend their objective on a *proxy* batch, weights fixed;
    2. the weights descend theirs on a *training* batch, with sampled gates.

    In the first step batch normalisation uses its moving statistics, so that
    the step changes logits and nothing else. The paper fixes the bilevel form;
    the objectives' weights, the budget term and the statistics are our choice.

    Args:
        network: A built `ReIDNetwork` with search cells.
        **kwargs: Base model keyword arguments.

    Example:

    ```python
    search = SearchModel(network)
    search.compile(
        optimizer=keras.optimizers.SGD(0.1),
        arch_optimizer=keras.optimizers.Adam(0.1),
    )
    search.fit(tf.data.Dataset.zip(train_batches, proxy_batches))
    architecture = search.derive()
    ```

    Reference:
        Chen et al., "Neural Feature Search for RGB-Infrared Person
        Re-Identification", CVPR 2021; Liu, Simonyan, Yang, "DARTS", ICLR 2019,
        for the first-order and the unrolled step.
    """

    def __init__(self, network, **kwargs):
        super().__init__(network, **kwargs)
        self.warming_up = False
        if not network.cells:
            raise ValueError(
                "A `SearchModel` needs a network with search cells. "
                f"Received: network={network.name!r} without any. "
                "Make it with `reid_network(..., search='dual')`, or train it "
                "with a `TrainingModel`."
            )

    def compile(
        self,
        optimizer="sgd",
        arch_optimizer="adam",
        objective=None,
        arch_objective=None,
        mode="bilevel",
        unrolled=False,
        arch_steps=1,
        weight_steps=1,
        budget=None,
        budget_weight=1.0,
        **kwargs,
    ):
        """Configures the search.

        Args:
            optimizer: Keras optimizer (or its name) of the weights.
            arch_optimizer: Keras optimizer (or its name) of the logits.
            objective: `Objective` of the weights. Defaults to `Objective()`.
            arch_objective: `Objective` of the gates. Defaults to triplet and
                contrast, which need no classifier of the proxy's people; in
                mode `"joint"` to `objective`.
            mode: `"bilevel"`, or `"joint"` to move gates and weights on the
                same training batch.
            unrolled: Whether the gates look one weight step ahead (second
                order, by finite difference). Defaults to `False`.
            arch_steps: How often the gates move when they do.
            weight_steps: Gates move at every `weight_steps`-th step. Values
                above 1 do not work with several replicas.
            budget: Open fraction to aim at, in (0, 1), or `None`.
            budget_weight: Weight of |open fraction - budget|.
            **kwargs: Other arguments of `keras.Model.compile`, but `loss`.
        """
        check_search_arguments(mode, arch_steps, weight_steps, budget)
        self.mode = mode
        self.unrolled = unrolled
        self.arch_steps = arch_steps
        self.weight_steps = weight_steps
        self.budget = budget
        self.budget_weight = budget_weight
        default = Objective(identity=0.0, triplet=1.0, contrast=1.0)
        if mode == "joint":
            default = objective or Objective()
        self.arch_objective = arch_objective or default
        super().compile(optimizer, objective, **kwargs)
        self.arch_optimizer = keras.optimizers.get(arch_optimizer)
        scaled = keras.optimizers.LossScaleOptimizer
        if isinstance(self.optimizer, scaled):  # Keras wraps this one only
            self.arch_optimizer = scaled(self.arch_optimizer)
        self.arch_optimizer.build(self.search_variables)

    def _mean_names(self):
        arch = [f"arch_{term}" for term in self.arch_objective.terms]
        return [*super()._mean_names(), "arch_loss", *arch]

    def check_element(self, element):
        check_pair(element)
        for batch, objective in zip(
            element, (self.objective, self.arch_objective), strict=True
        ):
            classified = "identity" in objective.terms
            num_identities = self.network.head.num_identities
            check_batch(batch, num_identities if classified else None)

    @property
    def search_variables(self):
        """The logits, which `arch_optimizer` trains."""
        return self.network.search_variables

    @property
    def trainable_variables(self):
        return self.weight_variables + self.search_variables

    def train_step(self, data):
        train, proxy = data
        if self.mode == "joint":
            proxy = train
        if not self.warming_up:
            self.take_turn(lambda: self.descend_gates(train, proxy))
        self.descend_weights(train)
        return self.report()

    def take_turn(self, descend):
        """Calls `descend` at every `weight_steps`-th step."""
        if self.weight_steps == 1:
            descend()
        else:
            turn = self.optimizer.iterations % self.weight_steps == 0
            tf.cond(turn, descend, lambda: None)

    def descend_gates(self, train, proxy):
        """Moves the logits, and nothing else, by the proxy batch."""
        for _ in range(self.arch_steps):
            if self.unrolled:
                gradients = unrolled_gradients(self, train, proxy)
            else:
                gradients = self.gate_gradients(proxy)
            self.arch_optimizer.apply(gradients, self.search_variables)

    def gate_gradients(self, batch):
        """Differentiates the gates' loss by the logits."""
        logits = [v.value for v in self.search_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(logits)  # no gradient of a weight is ever computed
            loss, parts = self.arch_loss(batch)
            scaled = self.arch_optimizer.scale_loss(loss)
        parts = {f"arch_{name}": part for name, part in parts.items()}
        self.track_losses(arch_loss=loss, **parts)
        return tape.gradient(scaled, logits)

    def arch_loss(self, batch):
        """The upper objective: what the gates descend, and its parts."""
        images, labels = batch
        outputs = self.network(images, training=False, sample_gates=True)
        loss, parts = self.arch_objective(outputs, labels)
        if self.budget is not None:
            excess = ops.abs(self.open_fraction() - self.budget)
            loss = loss + self.budget_weight * excess / num_replicas()
        return loss, parts

    def descend_weights(self, batch):
        """Moves the weights, and batch-norm statistics, by a train batch."""
        images, labels = batch
        weights = [v.value for v in self.weight_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            outputs = self.network(images, training=True)
            loss = self.compute_loss(images, labels, outputs)
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, weights)
        self.optimizer.apply(gradients, self.weight_variables)

    def open_fraction(self):
        """Scalar tensor: mean over the cells of what each leaves open."""
        fractions = [c.open_fraction() for c in self.network.cells.values()]
        return sum(fractions) / len(fractions)

    def report(self):
        """The means of this epoch so far, and the state of the gates."""
        gates = find_gates(self.network)
        return {
            **{name: mean.result() for name, mean in self.means.items()},
            "open_fraction": self.open_fraction(),
            "gate_entropy": sum(g.entropy() for g in gates) / len(gates),
            "temperature": ops.convert_to_tensor(gates[0].temperature),
        }

    def derive(self, budget=None):
        """Decides every gate: the `Architecture` that the search has found.

        Args:
            budget: As in `Architecture.derive`.
        """
        return Architecture.derive(self.network, budget)

    def warm_up(self, warming_up=True):
        """Starts (or with `False` ends) training with every gate held open.

        While it warms up the search trains only weights.
        """
        for gate in find_gates(self.network):
            gate.open() if warming_up else gate.search()
        if warming_up != self.warming_up:
            self.warming_up = warming_up
            self.make_train_function(force=True)  # `fit` compiles it once

    def get_compile_config(self):
        if not self.compiled:
            return {}
        return {
            **super().get_compile_config(),
            "arch_optimizer": keras.saving.serialize_keras_object(
                self.arch_optimizer
            ),
            "arch_objective": keras.saving.serialize_keras_object(
                self.arch_objective
            ),
            "mode": self.mode,
            "unrolled": self.unrolled,
            "arch_steps": self.arch_steps,
            "weight_steps": self.weight_steps,
            "budget": self.budget,
            "budget_weight": self.budget_weight,
        }


def check_search_arguments(mode, arch_steps, weight_steps, budget):
    """Raises `ValueError` unless a search can be run with these arguments."""
    if mode not in MODES:
        raise ValueError(
            f"`mode` must be one of {MODES}. Received: mode={mode!r}. "
            "Pass 'bilevel' to search on proxy batches."
        )
    if arch_steps < 1 or weight_steps < 1:
        raise ValueError(
            "A search step needs at least one step of each kind. "
            f"Received: arch_steps={arch_steps}, weight_steps={weight_steps}. "
            "Pass positive integers."
        )
    if budget is not None and not 0 < budget < 1:
        raise ValueError(
            "`budget` is the open fraction to aim at, between 0 and 1. "
            f"Received: budget={budget}. "
            "Pass None to search without a budget."
        )
