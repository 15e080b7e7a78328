import keras
import numpy as np
import pytest
from nfs_keras.models.training_model import accuracy

from nfs_keras.layers import find_gates
from nfs_keras.models import Objective, SearchModel, TrainingModel
from tests.search_cases import (
    identical,
    make_pairs,
    small_network,
    snapshot,
)


def make_batches(first=0, count=2):
    return make_pairs(first, count).map(lambda train, proxy: train)


def make_training(network, **objective):
    model = TrainingModel(network)
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
    model.compile(optimizer, Objective(**objective))
    return model


def test_it_trains_weights_and_leaves_frozen_gates_alone():
    network = small_network()
    gates = find_gates(network)
    for gate in gates:
        gate.freeze(np.arange(np.prod(gate.mask.shape[1:])).reshape(
            gate.mask.shape[1:]) % 2)  # fmt: skip
    states = [v for g in gates for v in (g.logits, g.mask, g.temperature)]
    before, weights = snapshot(states), snapshot(network.stages[0].variables)
    make_training(network).fit(make_batches(), verbose=0)
    assert identical(before, snapshot(states))
    assert not identical(weights, snapshot(network.stages[0].variables))


def test_a_network_without_gates_trains_as_well():
    network = small_network(None)
    history = make_training(network, contrast=1.0).fit(
        make_batches(count=4).repeat(3), verbose=0, steps_per_epoch=4, epochs=3
    )
    losses = history.history["loss"]
    assert losses[-1] < losses[0]
    assert {"identity", "triplet", "contrast"} <= set(history.history)


def test_it_resumes_exactly_from_a_saved_file(tmp_path):
    whole = make_training(small_network(None))
    whole.fit(make_batches(0, 4), verbose=0)
    first = make_training(small_network(None))
    first.fit(make_batches(0, 2), verbose=0)
    first.save(tmp_path / "training.keras")
    second = keras.models.load_model(tmp_path / "training.keras")
    second.fit(make_batches(2, 2), verbose=0)
    assert identical(snapshot(whole.variables), snapshot(second.variables))


@pytest.mark.parametrize("model_class", [TrainingModel, SearchModel])
def test_it_is_saved_before_it_is_compiled(model_class, tmp_path):
    model = model_class(small_network())
    model.save(tmp_path / "training.keras")
    loaded = keras.models.load_model(tmp_path / "training.keras")
    assert not loaded.compiled
    assert identical(snapshot(model.variables), snapshot(loaded.variables))


def test_accuracy_is_the_share_of_rows_whose_identity_wins():
    logits = np.eye(3, dtype="float32")[[0, 1, 2, 2]]
    labels = {"visible": np.array([0, 1]), "infrared": np.array([0, 2])}
    assert float(accuracy(logits, labels)) == 0.75


def test_an_unbuilt_network_is_refused():
    network = small_network(None)
    unbuilt = type(network).from_config(network.get_config())
    unbuilt.built = False
    with pytest.raises(ValueError, match="needs a built network.*Received"):
        TrainingModel(unbuilt)


def test_labels_that_the_classifier_lacks_are_refused():
    def renumber(images, labels):
        return images, {name: people - 3 for name, people in labels.items()}

    with pytest.raises(ValueError, match=r"in \[0, 6\).*from -"):
        make_training(small_network(None)).fit(make_batches().map(renumber))


def test_a_batch_without_a_modality_is_refused():
    def drop(images, labels):
        return {"visible": images["visible"]}, labels

    with pytest.raises(ValueError, match="Pass dicts of 'visible' and"):
        make_training(small_network(None)).fit(make_batches().map(drop))


def test_a_picture_without_a_label_is_refused():
    def drop(images, labels):
        return images, {name: people[:3] for name, people in labels.items()}

    with pytest.raises(ValueError, match="one label for each picture"):
        make_training(small_network(None)).fit(make_batches().map(drop))
