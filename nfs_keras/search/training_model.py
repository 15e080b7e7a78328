"""Trains the weights of a model without changing its gates."""

import contextlib
import copy
import re

import keras
import tensorflow as tf
from keras import ops

from nfs_keras.layers import find_gates
from nfs_keras.layers.replicas import num_replicas
from nfs_keras.search.compiled_loss import (
    check_loss,
    check_no_loss_weights,
    loss_of,
    part_names,
)


@keras.saving.register_keras_serializable(package="nfs_keras")
class TrainingModel(keras.Model):
    """Trains the weights of a model without changing its gates.

    It is for a baseline without gates and for retraining with frozen gates.
    Unlike plain `fit` it accepts a loss of all outputs together, and no
    optimizer, momentum or weight decay changes a gate's logits.

    Args:
        model: A built model: functional, or a `ReIDNetwork`.
        **kwargs: Base model keyword arguments.

    Example:

    ```python
    training = TrainingModel(network)
    training.compile(keras.optimizers.SGD(0.1), loss=Objective())
    training.fit(batches)  # of (inputs, targets[, sample_weight])
    ```
    """

    def __init__(self, model, **kwargs):
        check_backend()
        # A mixed model needs scaled losses, whatever the policy is now.
        super().__init__(**{"dtype": model.dtype_policy, **kwargs})
        if not model.built:
            raise ValueError(
                f"`{type(self).__name__}` needs a built model, to know its "
                f"variables. Received: model={model.name!r}, not built. "
                "Give it a `keras.Input`, or call it once."
            )
        self.model = model
        self.means = {}
        self._evaluating = False
        self.built = True

    def compile(self, optimizer="sgd", loss=None, metrics=None, **kwargs):
        """Configures training.

        Args:
            optimizer: A Keras optimizer (or its name) of the weights.
            loss: What the weights descend: a Keras loss (or its name), a dict
                of losses by output, or a function of `(targets, outputs)`
                that returns a scalar, or a scalar and a dict of its parts.
            metrics: As for `keras.Model.compile`.
            **kwargs: Other arguments of `keras.Model.compile`.

        Raises:
            ValueError: Without a loss, with one that does not fit the
                model's outputs, or with `loss_weights`.
        """
        check_no_loss_weights(kwargs)
        self.loss_function = check_loss(loss, self.model)
        self._compile_arguments = {"metrics": metrics, **kwargs}
        super().compile(optimizer=optimizer, metrics=metrics, **kwargs)
        self.means = {}
        self.make_means("loss", *part_names(loss))
        self.optimizer.build(check_group(self.weight_variables, "weights"))

    def fit(self, x=None, *args, shuffle=False, **kwargs):
        """Trains like `keras.Model.fit`, but shuffles only if told to.

        Batches of several modalities are sampled in order. Pass
        `shuffle=True` for arrays.
        """
        first = first_element(x)
        if first is not None:
            self.check_element(first)
        with explained_labels():
            return super().fit(x, *args, shuffle=shuffle, **kwargs)

    def check_element(self, element):
        """Raises `ValueError` if an element of the data is invalid."""
        self._check_batch(element, self.loss_function)

    def _check_batch(self, batch, loss):
        if hasattr(loss, "check_batch"):
            loss.check_batch(batch, self.model)
        self._build_metrics(batch)

    def _build_metrics(self, batch):
        """Builds the metrics on real targets; a strategy guesses them wrong."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(batch)
        if self._compile_arguments["metrics"]:
            self.compute_metrics(x, y, self.model(x, training=False), weight)
            self.reset_metrics()

    @property
    def metrics(self):
        # Keras has a mean `loss` of its own; the one in `means` replaces it.
        found = [*super().metrics, *self.means.values()]
        return list({metric.name: metric for metric in found}.values())

    @property
    def search_variables(self):
        """The logits of all gates that are trainable."""
        gates = find_gates(self.model)
        found = [v for gate in gates for v in gate.search_variables]
        return [v for v in found if v.trainable]

    @property
    def weight_variables(self):
        """The trainable variables that are not logits of a search gate."""
        logits = {id(v) for v in self.search_variables}
        variables = self.model.trainable_variables
        return [v for v in variables if id(v) not in logits]

    @property
    def trainable_variables(self):
        return self.weight_variables

    @property
    def trainable_weights(self):
        return self.trainable_variables

    def call(self, inputs, training=False):
        return self.model(inputs, training=training)

    def train_step(self, data):
        self.descend_weights(data)
        return self.report()

    def test_step(self, data):
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        outputs = self(x, training=False)
        loss, parts = loss_of(self.loss_function, y, outputs, weight)
        self.track_loss(loss + self.added_losses(), parts)
        self.compute_metrics(x, y, outputs, weight)
        return self.report_evaluation()

    def descend_weights(self, batch):
        """Updates the weights and batch-norm statistics by a training batch."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(batch)
        weights = [v.value for v in self.weight_variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            outputs = self(x, training=True)
            loss, parts = loss_of(self.loss_function, y, outputs, weight)
            loss = loss + self.added_losses()
            scaled = self.optimizer.scale_loss(loss)
        self.optimizer.apply(
            tape.gradient(scaled, weights, unconnected_gradients="zero"),
            self.weight_variables,
        )
        self.track_loss(loss, parts)
        self.compute_metrics(x, y, outputs, weight)

    def added_losses(self):
        """Sums the losses that layers have added: regularizers, `sparsity`."""
        losses = self.model.losses
        if not losses:
            return 0.0
        return sum(ops.cast(x, "float32") for x in losses) / num_replicas()

    def track_loss(self, loss, parts, prefix=""):
        """Adds one batch's loss to the means that `fit` reports.

        Keras divides the losses of a distributed batch by the number of
        replicas, so that their gradients add up to the global batch's.
        """
        scale = num_replicas()
        values = {"loss": loss, **parts}
        self.track(**{f"{prefix}{k}": scale * v for k, v in values.items()})

    def track(self, **values):
        """Adds one batch's values to the means that `fit` reports."""
        self.make_means(*values)
        for name, value in values.items():
            self.means[name].update_state(value)

    def make_means(self, *names):
        """Makes the means of these names that are not there yet.

        `compile` makes those that it knows: a step that makes a variable is
        traced twice.
        """
        for name in names:
            if name not in self.means:
                with tf.init_scope():
                    self.means[name] = keras.metrics.Mean(name=name)

    def report(self):
        """Returns the means of this epoch so far."""
        logs = {name: mean.result() for name, mean in self.means.items()}
        return {**logs, **keras.Model.get_metrics_result(self)}

    def report_evaluation(self):
        """Returns the means of an evaluation so far, without the gates'."""
        logs = TrainingModel.report(self)
        return {k: v for k, v in logs.items() if not of_gates(k)}

    def evaluate(self, *args, **kwargs):
        self._evaluating = True
        try:
            return super().evaluate(*args, **kwargs)
        finally:
            self._evaluating = False

    def get_metrics_result(self):
        # Over replicas Keras requests the means of all of them, and uses them
        # only if they have the names that the step has returned.
        return self.report_evaluation() if self._evaluating else self.report()

    def get_compile_config(self):
        if not self.compiled:
            return {}
        serialize = keras.saving.serialize_keras_object
        return {
            "optimizer": serialize(self.optimizer),
            "loss": serialize(self.loss_function),
            **{k: serialize(v) for k, v in self._compile_arguments.items()},
        }

    def compile_from_config(self, config):
        deserialize = keras.saving.deserialize_keras_object
        self.compile(**{k: deserialize(v) for k, v in config.items()})

    def get_config(self):
        return {
            "name": self.name,
            "model": keras.saving.serialize_keras_object(self.model),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = copy.deepcopy(config)  # Keras changes the dict it reads
        model = keras.saving.deserialize_keras_object(config["model"])
        return cls(model, name=config["name"])


def check_backend():
    """Raises `ValueError` unless Keras runs on TensorFlow."""
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ValueError(
            "Models are trained and searched on TensorFlow. "
            f"Received: backend={backend!r}. "
            "Set KERAS_BACKEND=tensorflow; gates, `add_gates` and `compact` "
            "run on any backend."
        )


def of_gates(name):
    """Returns whether a log value is measured in the gates' step."""
    return name.startswith("arch_") or name == "operations"


def first_element(batches):
    """Returns the first element of a `tf.data.Dataset`, else `None`."""
    if not isinstance(batches, tf.data.Dataset):
        return None
    return next(iter(batches.take(1)), None)


def check_group(variables, what):
    """Returns variables; raises `ValueError` if there are none."""
    if not variables:
        raise ValueError(
            f"An optimizer of the {what} needs variables to train. "
            f"Received: a model without trainable {what}. "
            "Check which layers have `trainable=False`."
        )
    return variables


@contextlib.contextmanager
def explained_labels():
    """Replaces TensorFlow's error about a label out of range by a short one."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        found = re.search(
            r"a label value of (-?\d+).*?valid range of \[0, (\d+)\)",
            error.message,
            re.DOTALL,
        )
        if found:
            raise ValueError(
                f"Labels must lie in [0, {found[2]}), one for each class. "
                f"Received: a label of {found[1]}. "
                "Number the classes from 0, and give the classifier as many "
                "outputs."
            ) from error
        raise
