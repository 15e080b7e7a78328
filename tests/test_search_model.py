import keras
import numpy as np
import pytest
import tensorflow as tf
from search_cases import (
    CROSS_ENTROPY,
    IMAGE_SHAPE,
    dataset_of,
    everything,
    identical,
    make_batch,
    make_pairs,
    plain_batch,
    plain_model,
    plain_pairs,
    plain_search,
    shallow_backbone,
    small_network,
    snapshot,
)

from nfs_keras.layers import find_gates
from nfs_keras.models import (
    Architecture,
    Objective,
    SearchModel,
    add_gates,
    reid_network,
)
from nfs_keras.search.compiled_loss import loss_of
from tests import search_cases

# Tracing a step costs more than running a few: most tests run it eagerly.
EAGERLY = {"run_eagerly": True}
TRACED = {"run_eagerly": False}


def make_search(**options):
    return search_cases.make_search(**{**EAGERLY, **options})


MAKERS = {
    "reid": (make_search, make_batch),
    "plain": (plain_search, plain_batch),
}
each_model = pytest.mark.parametrize("make, batch", MAKERS.values(), ids=MAKERS)
MODES = ("first_order", "second_order")


def other_variables(model):
    """All that an architecture step must leave as it is."""
    logits = {id(v) for v in model.search_variables}
    seeds = {id(g.seed_generator.state) for g in find_gates(model.model)}
    return [v for v in model.model.variables if id(v) not in logits | seeds]


def check_groups(model):
    """Weights and logits are disjoint and complete."""
    weights = {id(v) for v in model.weight_variables}
    logits = {id(v) for v in model.search_variables}
    assert not weights & logits
    assert weights | logits == {id(v) for v in model.model.trainable_variables}


@pytest.mark.parametrize("mode", MODES)
@each_model
def test_a_step_moves_the_variables_of_its_group_and_no_other(
    make, batch, mode
):
    model = make(mode=mode)
    check_groups(model)
    rest, logits = other_variables(model), model.search_variables
    before, logits_before = snapshot(rest), snapshot(logits)
    model.descend_gates(batch(0), batch(1))
    assert identical(before, snapshot(rest))
    assert not identical(logits_before, snapshot(logits))
    assert int(model.arch_optimizer.iterations) == 1
    assert int(model.optimizer.iterations) == 0
    logits_before = snapshot(logits)
    weights = snapshot(model.weight_variables)
    model.descend_weights(batch())
    assert identical(logits_before, snapshot(logits))
    assert not identical(weights, snapshot(model.weight_variables))
    assert int(model.arch_optimizer.iterations) == 1


def operations(function, *arguments):
    """Kinds of operations that TensorFlow runs: what results depend on."""
    graph = tf.function(function).get_concrete_function(*arguments).graph
    needed = tf.compat.v1.graph_util.extract_sub_graph(
        graph.as_graph_def(), [t.op.name for t in graph.outputs]
    )
    return [node.op for node in needed.node]


def test_an_architecture_step_computes_no_gradient_of_a_kernel():
    kinds = operations(plain_search().gate_gradients, plain_batch())
    assert "Conv2DBackpropInput" in kinds
    assert "Conv2DBackpropFilter" not in kinds


@each_model
def test_gate_gradients_equal_those_of_plain_autodiff(make, batch):
    model = make(budget=0.4)
    seeds = [g.seed_generator.state for g in find_gates(model.model)]
    before = snapshot(seeds)
    ours = model.gate_gradients(batch())
    for seed, value in zip(seeds, before, strict=True):
        seed.assign(value)
    with tf.GradientTape() as tape:
        loss = model.arch_loss(batch())
    theirs = tape.gradient(loss, [v.value for v in model.search_variables])
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_fit_reports_losses_and_the_state_of_the_gates():
    """And a budget pulls the operations towards it."""
    model = make_search(budget=0.2, budget_weight=1000.0)
    before = float(model.expected_operations())
    history = model.fit(make_pairs(count=2), verbose=0).history
    assert {
        "loss", "identity", "triplet", "accuracy", "arch_loss",
        "arch_contrast", "arch_triplet", "operations", "open_fraction",
        "gate_entropy", "temperature",
    } == set(history)  # fmt: skip
    assert all(np.isfinite(v) for values in history.values() for v in values)
    assert history["loss"][0] > 0
    assert 0.2 < float(model.expected_operations()) < before


def test_joint_mode_ignores_the_proxy_batch():
    apart = plain_pairs(count=2)
    alike = apart.map(lambda train, proxy: (train, train))
    ends = []
    for pairs in (apart, alike):
        model = plain_search(mode="joint", model=plain_model(seed=1))
        for gate in find_gates(model.model):
            gate.seed_generator.state.assign([0, 1])
        model.fit(pairs, verbose=0)
        ends.append(snapshot(model.model.trainable_variables))
    assert identical(*ends)


def test_expected_operations_of_decided_gates_are_those_once_compacted():
    model = plain_search(
        budget=0.5, model=plain_model(initial_logit=5.0, noise="batch")
    )
    assert float(model.expected_operations()) > 0.99  # nearly open
    architecture = model.derive(0.67)
    architecture.apply(model.model)
    np.testing.assert_allclose(
        float(model.expected_operations()),
        architecture.share_of_operations(model.model),
        rtol=1e-5,
    )


@pytest.mark.parametrize("budget", [0.67, 0.83])
def test_derive_meets_the_compiled_budget(budget):
    model = plain_search(budget=budget, model=plain_model(seed=3))
    generator = np.random.default_rng(0)
    for gate in find_gates(model.model):
        gate.logits.assign(generator.uniform(1.0, 2.0, gate.logits.shape))
    assert model.derive().diff(Architecture.derive(model.model, budget)) == {
        "cell/channel": 0.0,
        "cell/spatial": 0.0,
    }
    share = model.derive().share_of_operations(model.model)
    assert abs(share - budget) < 0.01
    assert plain_search(model=model.model).derive().open_fraction() == 1.0


def two_losses(y, outputs):
    """A loss of both outputs of `plain_model(two_outputs=True)` together."""
    kind = keras.losses.SparseCategoricalCrossentropy()(y, outputs["kind"])
    return kind + tf.reduce_mean(outputs["size"] ** 2), {"kind": kind}


def dict_batch(seed=0):
    maps, kinds = plain_batch(seed)
    sizes = tf.reduce_mean(maps, axis=(1, 2, 3))[:, None]
    return maps, {"kind": kinds, "size": sizes}


def test_a_budget_between_two_channels_is_not_exceeded():
    """A gate of six channels goes by steps: the run still ends."""
    model = plain_search(budget=0.6)
    share = model.freeze().share_of_operations(model.model)
    assert 0.4 < share <= 0.6


LOSSES = {
    "one": (CROSS_ENTROPY, []),
    "object": (keras.losses.SparseCategoricalCrossentropy(), []),
    "keras function": (keras.losses.sparse_categorical_crossentropy, []),
    "by output": ({"kind": CROSS_ENTROPY, "size": "mse"}, ["kind", "size"]),
    "function": (two_losses, ["kind"]),
}


@pytest.mark.parametrize("loss, parts", LOSSES.values(), ids=LOSSES)
def test_any_loss_moves_weights_and_gates(loss, parts):
    model = plain_search(loss, plain_model(two_outputs=bool(parts)))
    batch = dict_batch if isinstance(loss, dict) else plain_batch
    before = snapshot(model.weight_variables), snapshot(model.search_variables)
    history = model.fit(make_pairs(count=1, make=batch), verbose=0).history
    for part in ["loss", *parts]:
        assert history[part][0] > 0 and history[f"arch_{part}"][0] > 0
    moved = snapshot(model.weight_variables), snapshot(model.search_variables)
    assert not identical(before[0], moved[0])
    assert not identical(before[1], moved[1])


def test_the_loss_is_that_of_plain_keras():
    ours, theirs = plain_model(), plain_model()
    for model in (ours, theirs):
        for gate in find_gates(model):
            gate.open()
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
    theirs.compile(optimizer, CROSS_ENTROPY, **EAGERLY)
    search = plain_search(model=ours)
    search.hold_open()
    history = search.fit(plain_pairs(), verbose=0).history
    train = plain_pairs().map(lambda train, proxy: train)
    expected = theirs.fit(train, verbose=0, shuffle=False).history
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-5)
    for a, b in zip(ours.variables, theirs.variables, strict=True):
        if "seed" not in a.path:
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_sample_weights_weigh():
    def weighted(seed):
        maps, kinds = plain_batch(seed)
        return maps, kinds, tf.constant([0.0, 2.0, 0.0, 0.0, 1.0, 0.5])

    model = plain_search()
    model.fit(make_pairs(count=2, make=weighted), verbose=0)
    maps, kinds, weight = weighted(0)
    outputs = model(maps)
    loss, _ = loss_of(model.loss_function, kinds, outputs, weight)
    picked = -np.log(np.array(outputs)[np.arange(6), np.array(kinds)])
    np.testing.assert_allclose(loss, np.mean(picked * weight), rtol=1e-5)
    logits = snapshot(model.search_variables)
    nothing = (maps, kinds, 0 * weight)
    gradients = model.gate_gradients(nothing)
    assert not any(np.any(g) for g in gradients)
    assert identical(logits, snapshot(model.search_variables))
    with pytest.raises(ValueError, match="Sample weights require a `keras"):
        plain_search(two_losses, plain_model(two_outputs=True)).fit(
            make_pairs(make=weighted), verbose=0
        )


def test_metrics_are_of_the_training_batches():
    model = plain_search(metrics=["accuracy"])
    pairs = plain_pairs(count=2)
    history = model.fit(pairs, verbose=0).history
    assert 0 <= history["accuracy"][0] <= 1
    plain = pairs.map(lambda train, proxy: train)
    report = model.evaluate(plain, verbose=0, return_dict=True)
    assert set(report) == {"loss", "accuracy"}
    hits = [
        np.mean(np.argmax(model.predict(x, verbose=0), axis=1) == y.numpy())
        for x, y in plain
    ]
    np.testing.assert_allclose(report["accuracy"], np.mean(hits), rtol=1e-6)


def test_losses_that_layers_add_are_descended():
    """A regularizer pulls the weights, `sparsity` the logits."""
    pulled = plain_model(regularizer=keras.regularizers.L2(10.0), sparsity=10.0)
    sizes = []
    for model in (plain_search(model=pulled), plain_search()):
        model.optimizer.learning_rate = 1e-3
        model.fit(plain_pairs(), verbose=0)
        kernel = np.array(model.model.get_layer("conv").kernel)
        logits = [np.sum(v) for v in snapshot(model.search_variables)]
        sizes.append((np.sum(kernel**2), np.sum(logits)))
    (kernel, logits), (free_kernel, free_logits) = sizes
    assert kernel < 0.9 * free_kernel
    assert logits < 0.9 * free_logits


def test_added_losses_are_counted_once_in_each_step():
    """The losses of one step do not linger in the next."""
    model = plain_search(model=plain_model(sparsity=0.1))
    model.fit(plain_pairs(count=1), verbose=0)
    expected = 0.1 * sum(
        float(tf.reduce_sum(g.open_probabilities()))
        for g in find_gates(model.model)
    )
    for step in (model.descend_weights, lambda b: model.gate_gradients(b)):
        step(plain_batch())
        np.testing.assert_allclose(model.added_losses(), expected, rtol=1e-5)


def test_a_reloaded_search_has_both_optimizers_and_resumes_exactly(tmp_path):
    model = make_search(budget=0.5)
    model.fit(make_pairs(0, 1), verbose=0)
    model.save(tmp_path / "search.keras")
    loaded = keras.models.load_model(tmp_path / "search.keras")
    for end in (model, loaded):
        end.fit(make_pairs(1, 1), verbose=0)
    assert identical(everything(model), everything(loaded))
    assert loaded.budget == 0.5


def test_a_reloaded_search_of_a_plain_model_resumes_exactly(tmp_path):
    model = plain_search(metrics=["accuracy"], mode="second_order")
    model.fit(plain_pairs(0, 1), verbose=0)
    model.save(tmp_path / "search.keras")
    loaded = keras.models.load_model(tmp_path / "search.keras")
    histories = [
        end.fit(plain_pairs(1, 1), verbose=0).history for end in (model, loaded)
    ]
    assert identical(everything(model), everything(loaded))
    assert histories[0] == histories[1]
    assert loaded.mode == "second_order"


def test_how_it_is_run_is_saved_with_it(tmp_path):
    model = plain_search(steps_per_execution=2, jit_compile=False)
    model.save(tmp_path / "search.keras")
    loaded = keras.models.load_model(tmp_path / "search.keras")
    for end in (model, loaded):
        assert end.steps_per_execution == 2
        assert end.run_eagerly is True
        assert end.jit_compile is False
    assert loaded.get_compile_config() == model.get_compile_config()


SCALED = keras.optimizers.LossScaleOptimizer


@pytest.fixture
def mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy("float32")


def test_mixed_precision_scales_both_losses(mixed_precision):
    model = make_search()
    assert isinstance(model.arch_optimizer, SCALED)
    history = model.fit(make_pairs(count=2), verbose=0).history
    assert np.isfinite(history["arch_loss"]).all()
    assert {v.dtype for v in model.search_variables} == {"float32"}


def test_a_reloaded_mixed_search_moves_its_gates_as_before(
    mixed_precision, tmp_path
):
    model = plain_search()
    model.fit(plain_pairs(0, 2), verbose=0)
    model.save(tmp_path / "search.keras")
    keras.config.set_dtype_policy("float32")  # another process
    loaded = keras.models.load_model(tmp_path / "search.keras")
    steps = []
    for end in (model, loaded):
        for optimizer in (end.optimizer, end.arch_optimizer):
            assert isinstance(optimizer, SCALED)
            assert not isinstance(optimizer.inner_optimizer, SCALED)
        before = snapshot(end.search_variables)
        end.fit(plain_pairs(2, 2), verbose=0)
        after = snapshot(end.search_variables)
        steps.append([b - a for a, b in zip(before, after, strict=True)])
    assert identical(*steps)
    assert np.mean([np.abs(s).mean() for s in steps[0]]) > 0.05


def test_a_mixed_model_is_trained_with_scaled_losses_by_any_policy(
    mixed_precision,
):
    model = plain_model()
    keras.config.set_dtype_policy("float32")
    search = plain_search(model=model)
    assert isinstance(search.optimizer, SCALED)
    assert isinstance(search.arch_optimizer, SCALED)


def test_the_search_compiles_with_xla():
    model = plain_search(
        jit_compile=True, mode="second_order", budget=0.7, **TRACED
    )
    logits = snapshot(model.search_variables)
    history = model.fit(plain_pairs(count=2), verbose=0).history
    assert all(np.isfinite(v) for values in history.values() for v in values)
    assert not identical(logits, snapshot(model.search_variables))


def test_the_search_of_a_network_compiles_with_xla():
    block = {"filters": 4, "inner": 4}
    network = reid_network(shallow_backbone([block]), IMAGE_SHAPE, 6)
    model = make_search(network=network, jit_compile=True, **TRACED)
    history = model.fit(make_pairs(count=2), verbose=0).history
    assert np.isfinite(history["loss"]).all()


def test_a_model_without_gates_raises():
    with pytest.raises(ValueError, match="model with search gates. Received"):
        SearchModel(small_network(None))


def test_an_unbuilt_model_raises():
    unbuilt = keras.Sequential([keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="needs a built model"):
        SearchModel(unbuilt)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"mode": "both"}, "Received: mode='both'"),
        ({"budget": 1.5}, "Received: budget=1.5"),
        ({"loss": None}, "Received: loss=None"),
        ({"loss_weights": {"kind": 2.0}}, "Received: loss_weights="),
    ],
)
def test_impossible_options_raise(options, message):
    with pytest.raises(ValueError, match=message):
        plain_search(**options)


def test_gates_that_are_not_trainable_are_no_group():
    model = plain_model()
    model.get_layer("cell").trainable = False
    search = SearchModel(model)
    with pytest.raises(ValueError, match="without trainable gates"):
        search.compile(loss=CROSS_ENTROPY)


def test_the_second_order_raises_for_an_optimizer_of_several_rates():
    model = SearchModel(plain_model())
    rates = keras.optimizers.OptimizerMap(
        keras.optimizers.SGD(0.01), {"kind/.*": keras.optimizers.SGD(0.1)}
    )
    optimizer = keras.optimizers.MultiOptimizer(rates)
    model.compile(optimizer, loss=CROSS_ENTROPY)
    with pytest.raises(ValueError, match="Received: optimizer=MultiOptimizer"):
        model.compile(optimizer, loss=CROSS_ENTROPY, mode="second_order")


@each_model
def test_an_evaluation_on_pairs_raises(make, batch):
    with pytest.raises(ValueError, match="evaluated on plain batches"):
        make().evaluate(make_pairs(count=1, make=batch), verbose=0)


def visible_alone(batch):
    return [{**part, "infrared": part["infrared"][:0]} for part in batch]


def renumbered(batch):
    images, labels = batch
    return images, {name: people + 6 for name, people in labels.items()}


@pytest.fixture(scope="module")
def search():
    return make_search()


ONE_MODALITY = "Received: images=.*'infrared': 0"


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda t, p: t, "pairs of a training and a proxy"),
        (lambda t, p: (tuple(visible_alone(t)), p), ONE_MODALITY),
        (lambda t, p: (t, tuple(visible_alone(p))), ONE_MODALITY),
        (lambda t, p: (renumbered(t), p), r"in \[0, 6\).*from \d+ to \d+"),
    ],
    ids=["no pair", "training modality", "proxy modality", "labels"],
)
def test_batches_that_no_search_can_use_raise(search, change, message):
    with pytest.raises(ValueError, match=message):
        search.fit(make_pairs(count=1).map(change))


def test_labels_that_the_classifier_lacks_raise_in_a_later_batch():
    pairs = plain_pairs(count=1)
    wrong = pairs.map(lambda t, p: ((t[0], t[1] + 4), p))
    with pytest.raises(ValueError, match=r"in \[0, 4\).*a label of \d+"):
        plain_search(**TRACED).fit(pairs.concatenate(wrong), verbose=0)


def test_proxy_labels_need_no_classifier_when_none_looks_at_them():
    pairs = make_pairs(count=1).map(lambda t, p: (t, renumbered(p)))
    make_search().fit(pairs, verbose=0)
    with pytest.raises(ValueError, match="Labels must lie in"):
        make_search(arch_loss=Objective()).fit(pairs, verbose=0)


def test_a_model_of_two_inputs_is_evaluated():
    gated = add_gates(plain_model(), ["last"], "channel", num_modalities=2)
    search = plain_search(model=gated)
    maps, kinds = plain_batch()
    batches = dataset_of([((maps, tf.zeros(6, "int32")), kinds)])
    assert search.evaluate(batches, verbose=0, return_dict=True)["loss"] > 0


def test_data_that_are_not_pairs_raise():
    search = plain_search()
    for train in (search.fit, search.train_on_batch):
        with pytest.raises(ValueError, match="takes pairs of a training and"):
            train(*plain_batch())
