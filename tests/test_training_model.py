import copy

import keras
import numpy as np
import pytest
from search_cases import (
    CROSS_ENTROPY,
    identical,
    make_pairs,
    plain_model,
    plain_pairs,
    small_network,
    snapshot,
)

from nfs_keras.layers import find_gates
from nfs_keras.models import Objective, SearchModel, TrainingModel


def make_batches(first=0, count=2):
    return make_pairs(first, count).map(lambda train, proxy: train)


def make_training(network, eagerly=True, **objective):
    model = TrainingModel(network)
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
    model.compile(optimizer, Objective(**objective), run_eagerly=eagerly)
    return model


def test_it_trains_weights_and_leaves_frozen_gates_alone():
    network = small_network()
    gates = find_gates(network)
    for gate in gates:
        shape = gate.mask.shape[1:]
        gate.freeze(np.arange(np.prod(shape)).reshape(shape) % 2)
    states = [v for g in gates for v in (g.logits, g.mask, g.temperature)]
    before, weights = snapshot(states), snapshot(network.trainable_variables)
    make_training(network).fit(make_batches(), verbose=0)
    assert identical(before, snapshot(states))
    assert not identical(weights, snapshot(network.trainable_variables))


def test_no_logit_of_a_searching_gate_moves_either():
    network = small_network(sparsity=1.0)
    gates = find_gates(network)
    logits = [g.logits for g in gates]
    before = snapshot(logits)
    model = TrainingModel(network)
    optimizer = keras.optimizers.SGD(0.1, weight_decay=0.5)
    model.compile(optimizer, Objective(), run_eagerly=True)
    model.fit(make_batches(), verbose=0)
    assert identical(before, snapshot(logits))


def test_a_network_without_gates_trains_as_well():
    model = make_training(small_network(None), eagerly=False, contrast=1.0)
    history = model.fit(
        make_batches(count=4).repeat(6), verbose=0, steps_per_epoch=4, epochs=6
    )
    losses = history.history["loss"]
    assert losses[-1] < 0.8 * losses[0]
    assert {"identity", "triplet", "contrast"} <= set(history.history)


def test_validation_is_reported_beside_training():
    model = make_training(small_network(None))
    history = model.fit(
        make_batches(), validation_data=make_batches(2), verbose=0
    ).history
    assert {"loss", "identity", "val_loss", "val_identity"} <= set(history)
    again = model.evaluate(make_batches(2), verbose=0, return_dict=True)
    np.testing.assert_allclose(again["loss"], history["val_loss"][0], rtol=1e-6)


def test_the_means_of_an_epoch_are_of_that_epoch_alone():
    whole = make_training(small_network(None))
    two = whole.fit(make_batches().repeat(2), epochs=2, steps_per_epoch=2,
                    verbose=0).history  # fmt: skip
    assert two["loss"][0] != two["loss"][1]
    alone = make_training(small_network(None))
    alone.fit(make_batches(), verbose=0)
    second = alone.fit(make_batches(), verbose=0).history
    np.testing.assert_allclose(second["loss"][0], two["loss"][1], rtol=1e-6)


def test_it_resumes_exactly_from_a_saved_file(tmp_path):
    whole = make_training(small_network(None))
    whole.fit(make_batches(), verbose=0)
    whole.save(tmp_path / "training.keras")
    resumed = keras.models.load_model(tmp_path / "training.keras")
    for model in (whole, resumed):
        model.fit(make_batches(2), verbose=0)
    ends = [[*m.variables, *m.optimizer.variables] for m in (whole, resumed)]
    assert identical(*map(snapshot, ends))


@pytest.mark.parametrize("model_class", [TrainingModel, SearchModel])
def test_it_is_saved_before_it_is_compiled(model_class, tmp_path):
    model = model_class(plain_model())
    model.save(tmp_path / "training.keras")
    loaded = keras.models.load_model(tmp_path / "training.keras")
    assert not loaded.compiled
    assert identical(snapshot(model.variables), snapshot(loaded.variables))


def test_it_trains_any_model_with_keras_losses():
    model = TrainingModel(plain_model())
    model.compile("sgd", CROSS_ENTROPY, ["accuracy"], run_eagerly=True)
    batches = plain_pairs(count=2).map(lambda train, proxy: train)
    assert {"loss", "accuracy"} == set(model.fit(batches, verbose=0).history)


def test_an_unbuilt_model_raises():
    unbuilt = keras.Sequential([keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="needs a built model.*Received"):
        TrainingModel(unbuilt)


def test_labels_that_the_classifier_lacks_raise():
    def renumber(images, labels):
        return images, {name: people - 3 for name, people in labels.items()}

    with pytest.raises(ValueError, match=r"in \[0, 6\).*from -"):
        make_training(small_network(None)).fit(make_batches().map(renumber))


def test_a_batch_without_a_modality_raises():
    def drop(images, labels):
        return {"visible": images["visible"]}, labels

    with pytest.raises(ValueError, match="Pass dicts of 'visible' and"):
        make_training(small_network(None)).fit(make_batches().map(drop))


def test_an_image_without_a_label_raises():
    def drop(images, labels):
        return images, {name: people[:3] for name, people in labels.items()}

    with pytest.raises(ValueError, match="one label for each image"):
        make_training(small_network(None)).fit(make_batches().map(drop))


def test_a_configuration_that_is_read_stays_as_it_was():
    config = TrainingModel(plain_model()).get_config()
    before = copy.deepcopy(config)
    TrainingModel.from_config(config)
    assert config == before


def two_in_a_list():
    model = plain_model(two_outputs=True)
    return keras.Model(model.input, list(model.output.values()))


@pytest.mark.parametrize(
    "make, loss, message",
    [
        (plain_model, ["mse"], r"Received: loss=\['mse'\]\. "),
        (plain_model, {"kind": "mse"}, r"Received: loss of \['kind'\]"),
        (two_in_a_list, {"kind": "mse", "size": "mse"}, "keys of the model's"),
        (two_in_a_list, "mse", "compares one output"),
        (lambda: plain_model(two_outputs=True), "mse", r"\['kind', 'size'\]"),
        (lambda: plain_model(two_outputs=True), {"c": "mse"}, r"of \['c'\]"),
    ],
)
def test_a_loss_that_does_not_fit_the_outputs_raises(make, loss, message):
    with pytest.raises(ValueError, match=message):
        TrainingModel(make()).compile("sgd", loss)


def test_an_evaluation_is_that_of_keras():
    """Regularizers included, and each value once."""
    model = plain_model(regularizer="l2")
    batches = plain_pairs(count=2).map(lambda train, proxy: train)
    training = TrainingModel(model)
    for twin in (training, model):
        options = {"metrics": ["accuracy"], "run_eagerly": True}
        twin.compile(loss=CROSS_ENTROPY, **options)
    np.testing.assert_allclose(
        training.evaluate(batches, verbose=0),
        model.evaluate(batches, verbose=0),
        rtol=1e-6,
    )


@pytest.mark.parametrize("model_class", [TrainingModel, SearchModel])
def test_another_backend_raises(model_class, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="Received: backend='jax'"):
        model_class(plain_model())
