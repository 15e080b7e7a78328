"""A search that is killed and resumed is the search that was never stopped."""

import resource

import keras
import pytest
from search_cases import (
    everything,
    identical,
    plain_pairs,
    plain_search,
    snapshot,
)

from benchmarks.resume import read_history
from nfs_keras.callbacks import (
    GateHistory,
    HistoryLog,
    SearchPhases,
    TemperatureAnnealing,
    TrainingCheckpoint,
)
from nfs_keras.models import named_gates
from nfs_keras.schedules import exponential

STEPS, EPOCHS, WARM_UP = 2, 3, 1
PHASES = {"start": WARM_UP / EPOCHS, "freeze": 1.0}


class Killed(Exception):
    pass


class KillAfter(keras.callbacks.Callback):
    """Raises when an epoch has been saved."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            raise Killed


def search_on(folder, killed_after=None):
    """Resumes the search of a folder, as a new process would."""
    model = plain_search(budget=0.5)
    checkpoint = TrainingCheckpoint(folder / "checkpoints", "arch_loss")
    first = checkpoint.restore(model)
    model.fit(
        plain_pairs(first * STEPS, (EPOCHS - first) * STEPS),
        initial_epoch=first,
        epochs=EPOCHS,
        steps_per_epoch=STEPS,
        verbose=0,
        callbacks=[
            SearchPhases(**PHASES),
            TemperatureAnnealing(exponential(0.5, 0.1)),
            GateHistory(folder / "gates.npz", named_gates(model.model)),
            HistoryLog(folder / "history.csv", "search"),
            checkpoint,
            KillAfter(killed_after),
        ],
    )
    return model


@pytest.fixture(scope="module")
def never_stopped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("never_stopped")
    return folder, everything(search_on(folder))


def contents(folder):
    """Names of the checkpoints and the history, figures with six digits.

    Threads may add up the mean of a loss in another order; programs that
    promise the same bits forbid it, and `test_resume.py` holds them to it.
    """
    names = []
    for path in (folder / "checkpoints").iterdir():
        kind, epoch, *value = path.stem.split("-")
        names.append((kind, epoch, *[f"{float(x):.6g}" for x in value]))
    return sorted(names), str(read_history(folder / "history.csv"))


@pytest.mark.parametrize("epoch", [WARM_UP - 1, WARM_UP])
def test_a_resumed_search_is_identical(epoch, never_stopped, tmp_path):
    with pytest.raises(Killed):
        search_on(tmp_path, killed_after=epoch)
    model = search_on(tmp_path)
    folder, state = never_stopped
    assert identical(state, everything(model))
    assert contents(folder) == contents(tmp_path)


def test_the_best_epoch_is_one_after_the_warm_up(never_stopped):
    ((_, epoch, value), last), history = contents(never_stopped[0])
    assert last == ("last", "0003")
    assert int(epoch) > WARM_UP
    assert value in history


def small_model():
    model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(256)])
    model.compile("sgd", "mse")
    return model


def checkpoint_of(model, folder, **options):
    checkpoint = TrainingCheckpoint(folder, **options)
    checkpoint.set_model(model)
    return checkpoint


def test_a_full_disk_leaves_the_last_checkpoint_intact(tmp_path):
    model = small_model()
    checkpoint = checkpoint_of(model, tmp_path)
    checkpoint.on_epoch_end(0)
    before = snapshot(model.variables)
    model.layers[0].kernel.assign_add(model.layers[0].kernel)
    free = resource.getrlimit(resource.RLIMIT_FSIZE)
    for limit in (0, 4096, 40000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, free[1]))
        try:
            with pytest.raises(OSError):
                checkpoint.on_epoch_end(1)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, free)
        assert [x.name for x in tmp_path.iterdir()] == ["last-0001.keras"]
    other = small_model()
    assert TrainingCheckpoint(tmp_path).restore(other) == 1
    assert identical(before, snapshot(other.variables))


def test_only_the_last_and_the_best_are_kept(tmp_path):
    checkpoint = checkpoint_of(small_model(), tmp_path, monitor="loss")
    for epoch, loss in enumerate((3.0, 1e-05, 2.0)):
        checkpoint.on_epoch_end(epoch, {"loss": loss})
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["best-0002-1e-05.keras", "last-0003.keras"]


def test_a_resumed_run_remembers_the_best_value(tmp_path):
    checkpoint = checkpoint_of(small_model(), tmp_path, monitor="loss")
    checkpoint.on_epoch_end(0, {"loss": 0.1 + 0.2})
    resumed = TrainingCheckpoint(tmp_path, "loss")
    assert resumed.restore(small_model()) == 1
    assert resumed.best == 0.1 + 0.2


def test_an_empty_folder_starts_at_the_beginning(tmp_path):
    assert TrainingCheckpoint(tmp_path / "none").restore(small_model()) == 0
