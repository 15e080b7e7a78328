import keras
import numpy as np
import pytest
import tensorflow as tf

from nfs_keras.layers import find_gates
from nfs_keras.models import Objective, SearchModel
from tests.search_cases import (
    identical,
    make_batch,
    make_pairs,
    make_search,
    small_network,
    snapshot,
)


def other_variables(model):
    logits = {id(v) for v in model.search_variables}
    seeds = {id(g.seed_generator.state) for g in find_gates(model.network)}
    return [v for v in model.network.variables if id(v) not in logits | seeds]


def test_weights_and_logits_are_disjoint_and_complete():
    model = make_search()
    weights = {id(v) for v in model.weight_variables}
    logits = {id(v) for v in model.search_variables}
    assert not weights & logits
    assert weights | logits == {
        id(v) for v in model.network.trainable_variables
    }


@pytest.mark.parametrize("unrolled", [False, True])
def test_an_architecture_step_moves_logits_and_nothing_else(unrolled):
    model = make_search(unrolled=unrolled)
    rest, logits = other_variables(model), model.search_variables
    before, logits_before = snapshot(rest), snapshot(logits)
    model.descend_gates(make_batch(0), make_batch(1))
    assert identical(before, snapshot(rest))
    assert not identical(logits_before, snapshot(logits))
    assert int(model.arch_optimizer.iterations) == 1
    assert int(model.optimizer.iterations) == 0


def test_a_weight_step_moves_no_logit():
    model = make_search()
    logits = snapshot(model.search_variables)
    weights = snapshot(model.weight_variables)
    model.descend_weights(make_batch())
    assert identical(logits, snapshot(model.search_variables))
    assert not identical(weights, snapshot(model.weight_variables))
    assert int(model.arch_optimizer.iterations) == 0


def test_an_architecture_step_computes_no_gradient_of_a_kernel():
    model = make_search()
    step = tf.function(lambda b: model.gate_gradients(b))
    graph = step.get_concrete_function(make_batch()).graph
    # What TensorFlow runs: what the results depend on.
    needed = tf.compat.v1.graph_util.extract_sub_graph(
        graph.as_graph_def(), [t.op.name for t in graph.outputs]
    )
    kinds = [node.op for node in needed.node]
    assert "Conv2DBackpropInput" in kinds
    assert "Conv2DBackpropFilter" not in kinds


def test_gate_gradients_equal_those_of_plain_autodiff():
    model = make_search(budget=0.4)
    for gate in find_gates(model.network):
        gate.noise = "batch"
    batch = make_batch()
    seeds = snapshot(
        [g.seed_generator.state for g in find_gates(model.network)]
    )
    ours = model.gate_gradients(batch)
    for gate, seed in zip(find_gates(model.network), seeds, strict=True):
        gate.seed_generator.state.assign(seed)
    with tf.GradientTape() as tape:
        loss, _ = model.arch_loss(batch)
    theirs = tape.gradient(loss, [v.value for v in model.search_variables])
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_while_warming_up_every_gate_is_open_and_no_logit_moves():
    model = make_search()
    model.warm_up()
    logits = snapshot(model.search_variables)
    report = model.fit(make_pairs(count=1), verbose=0).history
    assert report["open_fraction"] == [1.0]
    assert identical(logits, snapshot(model.search_variables))
    model.warm_up(False)
    model.fit(make_pairs(count=1), verbose=0)
    assert not identical(logits, snapshot(model.search_variables))


def test_fit_reports_losses_and_the_state_of_the_gates():
    history = make_search().fit(make_pairs(count=2), verbose=0).history
    assert {
        "loss", "identity", "triplet", "accuracy", "arch_loss",
        "arch_contrast", "open_fraction", "gate_entropy", "temperature",
    } <= set(history)  # fmt: skip
    assert all(np.isfinite(v) for values in history.values() for v in values)
    assert history["loss"][0] > 0


def test_gates_move_every_second_step_with_two_weight_steps():
    model = make_search(weight_steps=2)
    model.fit(make_pairs(count=4), verbose=0)
    assert int(model.optimizer.iterations) == 4
    assert int(model.arch_optimizer.iterations) == 2


def test_gates_move_twice_a_step_with_two_arch_steps():
    model = make_search(arch_steps=2)
    model.fit(make_pairs(count=2), verbose=0)
    assert int(model.arch_optimizer.iterations) == 4


def test_joint_mode_ignores_the_proxy_batch():
    train = make_pairs().map(lambda train, proxy: (train, train))
    ends = []
    for pairs in (make_pairs(), train):
        model = make_search(mode="joint")
        model.fit(pairs, verbose=0)
        ends.append(snapshot(model.network.trainable_variables))
    assert identical(*ends)


def test_a_budget_pulls_the_open_fraction_towards_it():
    model = make_search(budget=0.2, budget_weight=1000.0)
    before = float(model.open_fraction())
    model.fit(make_pairs(), verbose=0)
    assert 0.2 < float(model.open_fraction()) < before


def test_a_reloaded_search_has_both_optimizers_and_goes_on_exactly(tmp_path):
    model = make_search(budget=0.5)
    model.fit(make_pairs(0, 2), verbose=0)
    model.save(tmp_path / "search.keras")
    loaded = keras.models.load_model(tmp_path / "search.keras")
    for end in (model, loaded):
        end.fit(make_pairs(2, 2), verbose=0)
    for ours, theirs in (
        (model.network, loaded.network),
        (model.optimizer, loaded.optimizer),
        (model.arch_optimizer, loaded.arch_optimizer),
    ):
        assert identical(snapshot(ours.variables), snapshot(theirs.variables))
    assert loaded.budget == 0.5


def test_mixed_precision_scales_both_losses():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = make_search()
    finally:
        keras.config.set_dtype_policy("float32")
    scaled = keras.optimizers.LossScaleOptimizer
    assert isinstance(model.arch_optimizer, scaled)
    history = model.fit(make_pairs(count=2), verbose=0).history
    assert np.isfinite(history["arch_loss"]).all()
    assert {v.dtype for v in model.search_variables} == {"float32"}


def test_the_search_compiles_with_xla():
    model = make_search(jit_compile=True)
    history = model.fit(make_pairs(count=2), verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_a_network_without_cells_is_refused():
    with pytest.raises(ValueError, match="network with search cells. Received"):
        SearchModel(small_network(None))


def test_an_unbuilt_network_is_refused():
    network = small_network()
    unbuilt = type(network).from_config(network.get_config())
    unbuilt.built = False
    with pytest.raises(ValueError, match="needs a built network"):
        SearchModel(unbuilt)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"mode": "both"}, "Received: mode='both'"),
        ({"arch_steps": 0}, "Received: arch_steps=0"),
        ({"budget": 1.5}, "Received: budget=1.5"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make_search(**options)


def test_an_objective_needs_a_positive_weight():
    with pytest.raises(ValueError, match="one of them positive. Received"):
        Objective(identity=0.0, triplet=0.0)


def test_a_single_batch_instead_of_a_pair_is_refused():
    batches = make_pairs().map(lambda train, proxy: train)
    with pytest.raises(ValueError, match="pairs of a training and a proxy"):
        make_search().fit(batches, verbose=0)


@pytest.mark.parametrize("half", [0, 1])
def test_a_batch_of_one_modality_only_is_refused(half):
    def without_infrared(*pair):
        images, labels = (dict(part) for part in pair[half])
        images["infrared"] = images["infrared"][:0]
        labels["infrared"] = labels["infrared"][:0]
        return (*pair[:half], (images, labels), *pair[half + 1 :])

    with pytest.raises(ValueError, match="Received: pictures=.*'infrared': 0"):
        make_search().fit(make_pairs().map(without_infrared), verbose=0)


def renumber(labels):
    return {name: people + 6 for name, people in labels.items()}


@pytest.mark.parametrize("num_right", [0, 1])
def test_labels_that_the_classifier_lacks_are_refused(num_right):
    wrong = make_pairs().map(lambda t, p: ((t[0], renumber(t[1])), p))
    pairs = make_pairs(count=1).take(num_right).concatenate(wrong)
    with pytest.raises(ValueError, match=r"in \[0, 6\).*from \d+ to \d+"):
        make_search().fit(pairs, verbose=0)


def test_proxy_labels_need_no_classifier_when_none_looks_at_them():
    pairs = make_pairs(count=1).map(lambda t, p: (t, (p[0], renumber(p[1]))))
    make_search().fit(pairs, verbose=0)
    with pytest.raises(ValueError, match="Labels must lie in"):
        make_search(arch_objective=Objective()).fit(pairs, verbose=0)
