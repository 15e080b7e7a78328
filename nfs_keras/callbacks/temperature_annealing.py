"""The callback that lowers the temperature of the gates during training."""

import math

import keras

from nfs_keras.layers import find_gates


class TemperatureAnnealing(keras.callbacks.Callback):
    """Sets the temperature of every search gate by a schedule.

    A search starts with soft choices, which all get a gradient, and ends with
    hard ones, close to the derived ones. Progress is 0 in the first epoch (or
    step) of a `fit` and 1 in its last, counted from `initial_epoch=0` to
    `epochs` whichever part of them this `fit` runs. It depends on nothing
    else, so a resumed `fit` continues the schedule.

    Each epoch's logs receive `temperature`, the last one that was set. Give
    this callback before those that write logs to files.

    Args:
        schedule: Callable from progress, a float in [0, 1], to a positive
            temperature; `nfs_keras.schedules` has some.
        per: `"epoch"` or `"step"`, when to set it. With `"step"`, `fit` must
            know its number of steps; under `steps_per_execution` all steps of
            an execution have the temperature of its first. Defaults to
            `"epoch"`.

    Raises:
        ValueError: For an unknown `per`; when `fit` begins, if the model has
            no search gate or is not built, or its number of steps is unknown;
            during `fit`, if the schedule gives a temperature that is not
            positive.

    Example:

    >>> from nfs_keras import schedules
    >>> annealing = TemperatureAnnealing(schedules.exponential(1.0, 0.1))
    >>> gate = nfs_keras.layers.ChannelSearch(num_modalities=1)
    >>> model = keras.Sequential([keras.Input(shape=(4, 4, 3)), gate])
    >>> model.compile("sgd", "mse")
    >>> maps = np.ones((2, 4, 4, 3))
    >>> history = model.fit(
    ...     maps, maps, epochs=3, verbose=0, callbacks=[annealing]
    ... )
    >>> [round(t, 2) for t in history.history["temperature"]]
    [1.0, 0.32, 0.1]
    """

    def __init__(self, schedule, per="epoch"):
        super().__init__()
        if per not in ("epoch", "step"):
            raise ValueError(
                "`per` must be 'epoch' or 'step'. "
                f"Received: per={per!r}. "
                "Pass 'epoch' unless an epoch is very long."
            )
        self.schedule = schedule
        self.per = per
        self._epoch = 0
        self._temperature = None

    def on_train_begin(self, logs=None):
        gates = find_gates(self.model)
        if not gates:
            raise ValueError(
                "`TemperatureAnnealing` needs a model with search gates. "
                f"Received: model={self.model.name!r}, which has none. "
                "Put a `DualLevelSearch` into it, or drop the callback."
            )
        if any(gate.temperature is None for gate in gates):
            raise ValueError(
                "`TemperatureAnnealing` needs a model that is built. "
                f"Received: model={self.model.name!r}, whose gates have no "
                "temperature yet. Give it a `keras.Input`, or call it once."
            )
        if self.per == "step" and self.params["steps"] is None:
            raise ValueError(
                "`TemperatureAnnealing` per step needs to know the number of "
                "steps of an epoch. Received: steps=None. "
                "Pass `steps_per_epoch` to `fit`, or use `per='epoch'`."
            )

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        if self.per == "epoch":
            self._anneal(epoch, self.params["epochs"])

    def on_train_batch_begin(self, batch, logs=None):
        if self.per == "step":
            steps = self.params["steps"]
            position = self._epoch * steps + batch
            self._anneal(position, self.params["epochs"] * steps)

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["temperature"] = self._temperature

    def _anneal(self, position, total):
        """Sets the temperature at `position`, counted from 0, of `total`."""
        progress = min(position / max(total - 1, 1), 1.0)
        temperature = float(self.schedule(progress))
        if not 0 < temperature < math.inf:
            raise ValueError(
                "A schedule must give positive, finite temperatures. "
                f"Received: schedule({progress})={temperature}. "
                "Let it end above zero, for example at 0.1."
            )
        # On JAX, reading `self.model` copies its state back from the step.
        for gate in find_gates(self.model):
            gate.temperature.assign(temperature)
        self._temperature = temperature
