"""A search goes through its phases, and resumes in the one it was in."""

import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from search_cases import (
    everything,
    identical,
    plain_batch,
    plain_model,
    plain_pairs,
    plain_search,
    snapshot,
)

from nfs_keras.callbacks import SearchPhases, TrainingCheckpoint
from nfs_keras.layers import find_gates
from nfs_keras.models import Architecture

STEPS, EPOCHS = 1, 6
START, FREEZE = 0.3, 0.6  # two epochs open, two searching, two frozen
PHASES = ["open"] * 2 + ["searching"] * 2 + ["frozen"] * 2


class Diary(keras.callbacks.Callback):
    """Notes the phase and what moved, epoch by epoch."""

    def __init__(self):
        super().__init__()
        self.epochs = []

    def on_epoch_begin(self, epoch, logs=None):
        self.before = snapshot(self.model.search_variables)

    def on_epoch_end(self, epoch, logs=None):
        moved = not identical(
            self.before, snapshot(self.model.search_variables)
        )
        steps = int(self.model.arch_optimizer.iterations)
        self.epochs.append((self.model.phase_name, moved, steps))


class Copies(keras.callbacks.Callback):
    """Copies a folder after each epoch: what is left if killed then."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def on_epoch_end(self, epoch, logs=None):
        shutil.copytree(self.folder, left_after(self.folder, epoch))


def left_after(folder, epoch):
    return folder.with_name(f"killed-after-{epoch}")


def fit(model, *callbacks, first=0, epochs=EPOCHS, **phases):
    options = {"start": START, "freeze": FREEZE, **phases}
    return model.fit(
        plain_pairs(first * STEPS, (epochs - first) * STEPS),
        initial_epoch=first,
        epochs=epochs,
        steps_per_epoch=STEPS,
        verbose=0,
        callbacks=[SearchPhases(**options), *callbacks],
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("search") / "checkpoints"


@pytest.fixture(scope="module")
def whole(folder):
    """A run that was never stopped: its model, diary and history."""
    model, diary = plain_search(), Diary()
    history = fit(
        model, diary, TrainingCheckpoint(folder), Copies(folder)
    ).history
    return model, diary.epochs, history


def test_gates_move_in_the_second_phase_alone(whole):
    _, epochs, _ = whole
    assert [phase for phase, _, _ in epochs] == PHASES
    assert [moved for _, moved, _ in epochs] == [
        phase == "searching" for phase in PHASES
    ]
    assert [steps for _, _, steps in epochs] == [0, 0, 1, 2, 2, 2]


def test_gates_are_open_then_soft_then_hard(whole):
    model, _, history = whole
    assert history["open_fraction"][:2] == [1.0, 1.0]
    assert 0 < history["open_fraction"][2] < 1
    for gate in find_gates(model.model):
        assert gate.is_frozen
        assert set(np.unique(gate.mask)) <= {0.0, 1.0}


def test_what_the_gates_have_not_measured_is_not_reported(whole):
    assert len(whole[2]["loss"]) == EPOCHS
    assert len(whole[2]["arch_loss"]) == PHASES.count("searching")


def resumed(folder, killed_after, kind):
    """Resumes a run that was killed after an epoch, as a new process would."""
    if kind == "saved":
        (last,) = folder.glob("last-*")
        other = keras.models.load_model(last)
        assert other.phase_name == PHASES[killed_after]
        first = killed_after + 1
    else:
        other = plain_search(model=plain_model(seed=7))
        first = TrainingCheckpoint(folder).restore(other)
    diary = Diary()
    fit(other, diary, first=first)
    return other, diary.epochs


@pytest.mark.parametrize(
    "killed_after, kind",
    [
        (0, "saved"),
        (1, "checkpoint"),
        (2, "checkpoint"),
        (3, "saved"),
        (4, "checkpoint"),
    ],
)
def test_a_run_killed_in_any_phase_resumes_in_it(
    killed_after, kind, whole, folder
):
    left = left_after(folder, killed_after)
    model, epochs = resumed(left, killed_after, kind)
    assert epochs == whole[1][killed_after + 1 :]
    assert identical(everything(whole[0]), everything(model))


def test_a_search_saved_while_open_searches_after_a_reload(tmp_path):
    """Without the callback too: the phase is a saved variable."""
    model = plain_search()
    model.hold_open()
    model.save(tmp_path / "open.keras")
    loaded = keras.models.load_model(tmp_path / "open.keras")
    assert loaded.phase_name == "open"
    for phase, moves in (("open", False), ("searching", True)):
        if phase == "searching":
            loaded.start()
        logits = snapshot(loaded.search_variables)
        loaded.fit(plain_pairs(count=1), verbose=0)
        assert loaded.phase_name == phase
        moved = not identical(logits, snapshot(loaded.search_variables))
        assert moved is moves


def test_outside_the_search_no_architecture_step_is_computed():
    model = plain_search()
    layers = map(type, model.model.layers)
    one_pass = list(layers).count(keras.layers.Conv2D)
    model.arch_loss_function = None  # would fail if it were called
    for enter_phase in (model.hold_open, model.freeze):
        enter_phase()
        assert num_convolutions(model) == one_pass
        model.fit(plain_pairs(count=1), verbose=0)


def num_convolutions(model):
    step = tf.function(lambda pair: model.train_step(pair))
    pair = (plain_batch(0), plain_batch(1))
    graph = step.get_concrete_function(pair).graph
    return [op.type for op in graph.get_operations()].count("Conv2D")


def test_a_gate_that_was_frozen_on_purpose_stays_frozen():
    model = plain_search()
    gate = model.model.get_layer("cell").channel
    mask = np.array([[1, 0, 1, 1, 0, 1]], "float32")
    gate.freeze(mask)
    seen = []

    class Look(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            seen.append(gate.is_frozen and np.array(gate.mask).tolist())

    fit(model, Look())
    assert seen == [mask.tolist()] * EPOCHS
    np.testing.assert_array_equal(model.derive().masks["cell/channel"], mask)


def test_who_asks_is_given_the_architecture_once():
    """And who derives later, budget or not, gets what was decided."""
    found = []
    model = plain_search(budget=0.67)
    fit(model, on_freeze=found.append)
    (architecture,) = found
    assert isinstance(architecture, Architecture)
    assert abs(architecture.share_of_operations(model.model) - 0.67) < 0.01
    assert not any(architecture.diff(model.derive()).values())


@pytest.mark.parametrize("start, freeze", [(0.0, 0.5), (0.5, 1.0), (0.5, 0.5)])
def test_a_phase_may_be_left_out(start, freeze):
    diary = Diary()
    model = plain_search()
    fit(model, diary, epochs=2, start=start, freeze=freeze)
    phases = [phase for phase, _, _ in diary.epochs]
    expected = {
        (0.0, 0.5): ["searching", "frozen"],
        (0.5, 1.0): ["open", "searching"],
        (0.5, 0.5): ["open", "frozen"],
    }
    assert phases == expected[start, freeze]


@pytest.mark.parametrize("start, freeze", [(0.6, 0.5), (-0.1, 0.5), (0, 1.1)])
def test_phases_out_of_order_raise(start, freeze):
    with pytest.raises(ValueError, match=f"Received: start={start}, freeze="):
        SearchPhases(start, freeze)


def test_a_second_fit_fine_tunes_and_each_phase_traces_its_step_once():
    """A frozen search runs the step of an open one."""
    model, traced = plain_search(budget=0.67, run_eagerly=False), []
    descend = model.descend_weights

    def counted(batch):
        traced.append(model.phase_name)
        descend(batch)

    model.descend_weights = counted
    fit(model)
    masks = snapshot([gate.mask for gate in find_gates(model.model)])
    diary = Diary()
    fit(model, diary)
    fit(model, diary, first=4, epochs=8)
    assert {phase for phase, _, _ in diary.epochs} == {"frozen"}
    gates = find_gates(model.model)
    assert identical(masks, snapshot([gate.mask for gate in gates]))
    for gate in gates:
        gate.search()
    model.start()
    diary = Diary()
    fit(model, diary)
    assert [phase for phase, _, _ in diary.epochs] == PHASES
    assert traced == ["open", "searching"]


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_phase_without_an_epoch_raises(epochs):
    with pytest.raises(ValueError, match=f"Received: epochs={epochs}, with"):
        fit(plain_search(), epochs=epochs)


def test_a_model_without_phases_raises():
    model = plain_model()
    model.compile(loss="sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="a Functional. Pass"):
        model.fit(*plain_batch(), callbacks=[SearchPhases()], verbose=0)
