"""The temperature of every gate follows the schedule, through resumes too."""

import functools

import keras
import numpy as np
import pytest

from nfs_keras import schedules
from nfs_keras.callbacks import TemperatureAnnealing
from nfs_keras.layers import ChannelSearch, DualLevelSearch, find_gates

MAPS = np.random.default_rng(0).normal(size=(8, 3, 3, 2)).astype("float32")
FALLING = schedules.linear(1.0, 0.2)


class TemperatureDiary(keras.callbacks.Callback):
    """Notes the temperature of each gate in each training step."""

    def on_train_begin(self, logs=None):
        self.steps = []

    def on_train_batch_end(self, batch, logs=None):
        gates = find_gates(self.model)
        temperatures = {float(gate.temperature) for gate in gates}
        self.steps.append(pytest.approx(temperatures.pop(), rel=1e-6))
        assert not temperatures  # all gates are equally warm


def network():
    """Search cells beside and inside one another, one of them nested."""
    inputs = keras.Input((3, 3, 2))
    x = DualLevelSearch()(inputs)
    inner = keras.Sequential([keras.Input((3, 3, 2)), ChannelSearch()])
    model = keras.Model(inputs, inner(x))
    model.compile("sgd", "mse", run_eagerly=True)
    return model


def fit(model, *callbacks, epochs=3, **kwargs):
    diary = TemperatureDiary()
    history = model.fit(
        MAPS,
        MAPS,
        batch_size=4,
        epochs=epochs,
        verbose=0,
        callbacks=[*callbacks, diary],
        **kwargs,
    )
    return history.history, diary.steps


@functools.cache
def uninterrupted(per):
    return fit(network(), TemperatureAnnealing(FALLING, per))


def test_the_history_is_the_schedule():
    history, steps = uninterrupted("epoch")
    assert history["temperature"] == pytest.approx([1.0, 0.6, 0.2])
    assert steps == [1.0, 1.0, 0.6, 0.6, 0.2, 0.2]


def test_per_step_it_falls_within_an_epoch():
    history, steps = uninterrupted("step")
    places = [FALLING(i / 5) for i in range(6)]
    assert steps == places
    assert history["temperature"] == pytest.approx(places[1::2])


@pytest.mark.parametrize("per", ["epoch", "step"])
def test_a_later_initial_epoch_starts_lower(per):
    whole, _ = uninterrupted(per)
    rest, _ = fit(
        network(), TemperatureAnnealing(FALLING, per), initial_epoch=1
    )
    assert rest["temperature"] == whole["temperature"][1:]


@pytest.mark.parametrize("per", ["epoch", "step"])
def test_after_a_crash_it_resumes_where_it_was(per, tmp_path):
    class Crash(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    def backup():
        return keras.callbacks.BackupAndRestore(tmp_path / "backup")

    with pytest.raises(KeyboardInterrupt):
        annealing = TemperatureAnnealing(FALLING, per)
        fit(network(), backup(), annealing, Crash())
    history, _ = fit(network(), backup(), TemperatureAnnealing(FALLING, per))
    whole, _ = uninterrupted(per)
    assert history["temperature"] == whole["temperature"][1:]


def test_a_single_epoch_is_at_the_start_of_the_schedule():
    history, _ = fit(network(), TemperatureAnnealing(FALLING), epochs=1)
    assert history["temperature"] == [1.0]


def test_any_function_of_progress_is_a_schedule():
    seen = []

    def schedule(progress):
        seen.append(progress)
        return np.float32(0.5)

    fit(network(), TemperatureAnnealing(schedule))
    assert seen == [0.0, 0.5, 1.0]


def test_files_written_by_later_callbacks_hold_the_temperature(tmp_path):
    log = keras.callbacks.CSVLogger(tmp_path / "history.csv")
    fit(network(), TemperatureAnnealing(FALLING), log)
    header, *rows = (tmp_path / "history.csv").read_text().splitlines()
    place = header.split(",").index("temperature")
    written = [float(row.split(",")[place]) for row in rows]
    assert written == pytest.approx([1.0, 0.6, 0.2])


def test_a_model_without_gates_raises():
    model = keras.Sequential([keras.Input((3, 3, 2))], name="plain")
    model.add(keras.layers.Conv2D(2, 1))
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="model='plain', which has none"):
        fit(model, TemperatureAnnealing(FALLING))


def test_a_model_that_is_not_built_raises():
    gate = ChannelSearch()
    annealing = TemperatureAnnealing(FALLING)
    annealing.set_model(keras.Sequential([gate], name="unbuilt"))
    with pytest.raises(ValueError, match="model='unbuilt'"):
        annealing.on_train_begin()


def test_an_unknown_number_of_steps_raises():
    def batches():
        yield MAPS, MAPS

    annealing = TemperatureAnnealing(FALLING, per="step")
    with pytest.raises(ValueError, match="Pass `steps_per_epoch`"):
        network().fit(
            batches(), shuffle=False, verbose=0, callbacks=[annealing]
        )


@pytest.mark.parametrize("end", [0.0, -0.1, float("nan"), float("inf")])
def test_a_temperature_that_is_not_positive_raises(end):
    falling = TemperatureAnnealing(lambda progress: end)
    with pytest.raises(ValueError, match="positive, finite temperatures"):
        fit(network(), falling)


def test_an_unknown_unit_raises():
    with pytest.raises(ValueError, match="per='batch'"):
        TemperatureAnnealing(FALLING, per="batch")
