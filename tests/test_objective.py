import keras
import numpy as np
import pytest
from search_cases import identical, snapshot

from nfs_keras.losses import WeightedRegularizedTriplet
from nfs_keras.models import Objective
from nfs_keras.reid.objective import accuracy, check_batch


def make_outputs(seed=0, rows=8, dim=5, num_identities=4, dtype="float32"):
    """Labels, and random outputs of a network: two images of each person."""
    generator = np.random.default_rng(seed)
    shapes = {
        "pooled": (rows, dim),
        "embedding": (rows, dim),
        "logits": (rows, num_identities),
    }
    outputs = {
        name: keras.ops.convert_to_tensor(generator.normal(size=s), dtype)
        for name, s in shapes.items()
    }
    people = np.repeat(np.arange(rows // 4), 2).astype("int32")
    return {"visible": people, "infrared": people}, outputs


def test_the_total_is_the_weighted_sum_of_the_parts():
    total, parts = Objective(0.5, 2.0, 3.0)(*make_outputs())
    expected = (
        0.5 * parts["identity"] + 2.0 * parts["triplet"] + 3 * parts["contrast"]
    )
    np.testing.assert_allclose(total, expected, rtol=1e-6)
    assert min(float(part) for part in parts.values()) > 0


def test_the_identity_term_is_the_mean_cross_entropy():
    labels, outputs = make_outputs()
    _, parts = Objective()(labels, outputs)
    people = np.concatenate([labels["visible"], labels["infrared"]])
    logits = np.array(outputs["logits"], "float64")
    nats = np.log(np.exp(logits).sum(1)) - logits[np.arange(8), people]
    np.testing.assert_allclose(parts["identity"], nats.mean(), rtol=1e-5)


def test_a_term_without_weight_needs_no_output():
    labels, outputs = make_outputs()
    objective = Objective(identity=0.0, triplet=1.0)
    _, parts = objective(labels, {"pooled": outputs["pooled"]})
    assert list(parts) == objective.parts == ["triplet"]


def test_the_contrast_compares_modalities_and_is_zero_within_one():
    labels, outputs = make_outputs()
    four = {name: value[:4] for name, value in outputs.items()}
    empty = np.zeros((0,), "int32")
    _, parts = Objective(contrast=1.0)({**labels, "infrared": empty}, four)
    assert float(parts["contrast"]) == 0.0
    assert float(parts["identity"]) > 0.0


def test_it_is_float32_for_a_network_in_half_precision():
    half = make_outputs(dtype="float16")
    total, _ = Objective(contrast=1.0)(*half)
    assert keras.backend.standardize_dtype(total.dtype) == "float32"
    expected, _ = Objective(contrast=1.0)(*make_outputs())
    np.testing.assert_allclose(total, expected, rtol=1e-2)


def test_it_survives_its_own_configuration():
    objective = Objective(
        1.0, 0.5, 2.0, triplet_loss=WeightedRegularizedTriplet()
    )
    config = keras.saving.serialize_keras_object(objective)
    again = keras.saving.deserialize_keras_object(config)
    assert again.weights == objective.weights
    assert isinstance(again.triplet_loss, WeightedRegularizedTriplet)
    totals = [o(*make_outputs())[0] for o in (objective, again)]
    assert identical(snapshot(totals[:1]), snapshot(totals[1:]))


@pytest.mark.parametrize("weights", [(0, 0, 0), (1, -1, 0)])
def test_weights_must_be_positive_somewhere_and_negative_nowhere(weights):
    with pytest.raises(ValueError, match="one of them positive. Received"):
        Objective(*weights)


def test_accuracy_is_the_share_of_rows_whose_identity_wins():
    logits = np.eye(3, dtype="float32")[[0, 1, 2, 2]]
    assert float(accuracy(np.array([0, 1, 0, 2]), logits)) == 0.75


def make_images(visible=2, infrared=2):
    sizes = {"visible": visible, "infrared": infrared}
    images = {k: np.zeros((n, 4, 4, 3), "float32") for k, n in sizes.items()}
    return images, {k: np.arange(n) for k, n in sizes.items()}


@pytest.mark.parametrize("visible, infrared", [(0, 2), (2, 0), (0, 0)])
def test_a_batch_needs_both_modalities(visible, infrared):
    with pytest.raises(ValueError, match="Received: images={'visible'"):
        check_batch(make_images(visible, infrared))


def test_labels_lie_in_the_classifier():
    check_batch(make_images(), 2)
    check_batch(make_images(4, 4))  # without a classifier
    with pytest.raises(ValueError, match="labels from 0 to 3"):
        check_batch(make_images(4, 4), 3)


@pytest.mark.parametrize("batch", [(1, 2, 3), ({}, {}), (np.ones(2), {})])
def test_a_batch_is_a_pair_of_dicts(batch):
    with pytest.raises(ValueError, match="A batch is a pair of dicts"):
        check_batch(batch)
