import math

import keras
import pytest
from search_cases import NUM_IDENTITIES, make_pairs, small_network

from nfs_keras.callbacks import ChanceWarning
from nfs_keras.models import Objective, TrainingModel


def warnings_after(logs, epochs=1, **options):
    """Returns the warnings after epochs of these logs."""
    lines = []
    warning = ChanceWarning(lines.append, 100, **options)
    warning.on_train_begin()
    for epoch in range(epochs):
        warning.on_epoch_end(epoch, logs)
    return lines


@pytest.mark.parametrize("loss", [19.0, math.log(100) + 0.01, math.nan])
def test_a_loss_above_that_of_guessing_is_reported(loss):
    (text,) = warnings_after({"identity": loss, "accuracy": 0.5})
    assert "no better than chance" in text
    assert f"identity loss is {loss:.2f}" in text and "4.61" in text
    assert "learning rate" in text and "batch_norm_momentum" in text


@pytest.mark.parametrize("accuracy", [0.0, 0.01])
def test_an_accuracy_of_guessing_is_reported(accuracy):
    (text,) = warnings_after({"identity": 4.0, "accuracy": accuracy})
    assert f"accuracy is {accuracy:.1%}" in text and "has 1.0%" in text


@pytest.mark.parametrize(
    "logs", [{"identity": 4.0, "accuracy": 0.02}, {"triplet": 9.0}, {}]
)
def test_a_training_that_learns_has_no_warning(logs):
    assert warnings_after(logs, epochs=3) == []


def test_it_warns_once():
    assert len(warnings_after({"identity": 19.0}, epochs=5)) == 1


def test_it_waits_for_the_given_number_of_epochs():
    assert warnings_after({"identity": 19.0}, epochs=2, after=3) == []
    (text,) = warnings_after({"identity": 19.0}, epochs=3, after=3)
    assert text.startswith("After epoch 3")


def test_a_training_that_diverges_is_warned_of():
    lines = []
    model = TrainingModel(small_network(None))
    model.compile(keras.optimizers.SGD(30.0), Objective(triplet=0.0))
    batches = make_pairs(count=4).map(lambda train, proxy: train)
    model.fit(
        batches,
        epochs=2,
        steps_per_epoch=2,
        verbose=0,
        callbacks=[ChanceWarning(lines.append, NUM_IDENTITIES)],
    )
    assert len(lines) == 1
