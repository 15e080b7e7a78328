"""Plain training of a re-identification network."""

import keras
from keras import ops

from nfs_keras.models.check_batches import (
    check_batch,
    explained_labels,
    first_element,
)
from nfs_keras.models.objective import Objective, num_replicas


@keras.saving.register_keras_serializable(package="nfs_keras")
class TrainingModel(keras.Model):
    """Trains the weights of a `ReIDNetwork`, and leaves its gates alone.

    For the baseline, which has no gates, and for retraining with the gates
    frozen to what a search has derived.

    Args:
        network: A built `ReIDNetwork`.
        **kwargs: Base model keyword arguments.

    Call arguments:
        inputs: Dict of `"visible"` and `"infrared"` pictures.

    Example:

    ```python
    training = TrainingModel(network)
    training.compile(keras.optimizers.SGD(0.1), objective=Objective())
    training.fit(batches)  # of (pictures, labels), see `training_dataset`
    ```
    """

    def __init__(self, network, **kwargs):
        super().__init__(**kwargs)
        if not network.built:
            raise ValueError(
                f"`{type(self).__name__}` needs a built network, to know its "
                f"variables. Received: network={network.name!r}, not built. "
                "Call `network.build()` first, or use `reid_network(...)`."
            )
        self.network = network
        self.means = {}
        self.built = True

    def compile(self, optimizer="sgd", objective=None, **kwargs):
        """Configures training.

        Args:
            optimizer: A Keras optimizer (or its name) of the weights.
            objective: `Objective` of the weights. Defaults to `Objective()`.
            **kwargs: Other arguments of `keras.Model.compile`, but `loss`.
        """
        super().compile(optimizer=optimizer, **kwargs)
        self.objective = objective or Objective()
        self.means = {
            name: keras.metrics.Mean(name=name) for name in self._mean_names()
        }
        self.optimizer.build(self.weight_variables)

    def fit(self, x=None, *args, shuffle=False, **kwargs):
        # Batches of people and modalities are composed, never shuffled.
        first = first_element(x)
        if first is not None:
            self.check_element(first)
        with explained_labels(self.network.head.num_identities):
            return super().fit(x, *args, shuffle=shuffle, **kwargs)

    def check_element(self, element):
        """Raises `ValueError` if an element of the data cannot be right."""
        classified = "identity" in self.objective.terms
        num_identities = self.network.head.num_identities
        check_batch(element, num_identities if classified else None)

    def _mean_names(self):
        return ["loss", *self.objective.terms, "accuracy"]

    @property
    def metrics(self):
        return list(self.means.values())

    @property
    def weight_variables(self):
        """The trainable variables that are not logits of a search gate."""
        logits = {id(v) for v in self.network.search_variables}
        variables = self.network.trainable_variables
        return [v for v in variables if id(v) not in logits]

    @property
    def trainable_variables(self):
        return self.weight_variables

    @property
    def trainable_weights(self):  # what Keras' own training step differentiates
        return self.trainable_variables

    def call(self, inputs, training=False):
        return self.network(inputs, training=training)

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        total, parts = self.objective(y_pred, y)
        self.track_losses(loss=total, **parts)
        self.track(accuracy=accuracy(y_pred["logits"], y))
        return total

    def track_losses(self, **losses):
        """Adds one batch's losses to their means, at full size.

        Keras divides the losses of a distributed batch by the number of
        replicas, so that their gradients add up to the global batch's.
        """
        scale = num_replicas()
        self.track(**{name: scale * loss for name, loss in losses.items()})

    def track(self, **values):
        """Adds one batch's values to the means that `fit` reports."""
        for name, value in values.items():
            self.means[name].update_state(value)

    def get_compile_config(self):
        if not self.compiled:
            return {}
        serialize = keras.saving.serialize_keras_object
        return {
            "optimizer": serialize(self.optimizer),
            "objective": serialize(self.objective),
        }

    def compile_from_config(self, config):
        deserialize = keras.saving.deserialize_keras_object
        self.compile(**{k: deserialize(v) for k, v in config.items()})

    def get_config(self):
        return {
            "name": self.name,
            "network": keras.saving.serialize_keras_object(self.network),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        network = keras.saving.deserialize_keras_object(config["network"])
        return cls(network, name=config["name"])


def accuracy(logits, labels):
    """Share of rows whose largest logit is their identity's."""
    identities = ops.concatenate([labels["visible"], labels["infrared"]])
    hits = ops.argmax(logits, axis=-1) == ops.cast(identities, "int32")
    return ops.mean(ops.cast(hits, "float32"))
