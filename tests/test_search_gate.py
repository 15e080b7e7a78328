"""What every search gate promises, beyond the standard checks."""

import keras
import numpy as np
import pytest
from backends import BACKEND, THOROUGHLY, compiled, gradients, quick
from keras import ops

from nfs_keras.layers import (
    ChannelSearch,
    DualLevelSearch,
    SpatialSearch,
    find_gates,
)
from nfs_keras.ops import RELAXATIONS, relaxed_bernoulli

SHAPE = (6, 4, 3, 5)  # (B, H, W, C)
MAPS = np.random.default_rng(0).normal(size=SHAPE).astype("float32")
ONES = np.ones_like(MAPS)
MODALITY = np.array([0, 1, 1, 0, 1, 0], "int32")

LEVELS = (ChannelSearch, SpatialSearch)
# A dual cell runs the lines of both levels, `test_ops.py` all relaxations.
CLASSES = (*LEVELS, DualLevelSearch) if THOROUGHLY else (DualLevelSearch,)
GATES = pytest.mark.parametrize("cls", LEVELS if THOROUGHLY else LEVELS[1:])
SEARCHES = pytest.mark.parametrize("cls", CLASSES)
RELAXED = pytest.mark.parametrize(
    "relaxation", RELAXATIONS if THOROUGHLY else ("hard_concrete",)
)
DTYPES = ("float16", "bfloat16", "float64")
if BACKEND == "jax":  # which has float64 only by a switch of its own
    DTYPES = DTYPES[:2]
MODES = pytest.mark.parametrize("training", (False, True))


def make(cls, logits=None, shape=SHAPE, num_modalities=2, **arguments):
    """Builds a layer and gives its logits a value, or random ones."""
    layer = cls(num_modalities, **arguments)
    layer.build(shape)
    rng = np.random.default_rng(3)
    for variable in layer.search_variables:
        values = rng.normal(size=variable.shape) if logits is None else logits
        variable.assign(np.broadcast_to(values, variable.shape))
    return layer


def array(tensor):
    return ops.convert_to_numpy(tensor)


def equal(a, b):
    np.testing.assert_array_equal(array(a), array(b))


@SEARCHES
@RELAXED
@MODES
def test_an_open_gate_is_the_identity(cls, relaxation, training):
    layer = make(cls, logits=1e4, relaxation=relaxation)
    equal(layer(MAPS, MODALITY, training=training), MAPS)


@SEARCHES
@RELAXED
@MODES
def test_a_closed_gate_gives_zeros(cls, relaxation, training):
    layer = make(cls, logits=-1e4, relaxation=relaxation)
    equal(layer(MAPS, MODALITY, training=training), 0 * MAPS)


@SEARCHES
@pytest.mark.parametrize("dtype", ("mixed_float16", "mixed_bfloat16"))
def test_an_open_gate_is_the_identity_in_half_precision(cls, dtype):
    layer = make(cls, logits=1e4, dtype=dtype)
    half = ops.cast(MAPS, layer.compute_dtype)
    equal(ops.cast(layer(half, MODALITY), "float32"), ops.cast(half, "float32"))


@SEARCHES
@RELAXED
@MODES
def test_masks_lie_between_zero_and_one(cls, relaxation, training):
    layer = make(cls, relaxation=relaxation)
    mask = array(layer(ONES, MODALITY, training=training))
    assert np.all((mask >= 0) & (mask <= 1))
    assert len(np.unique(mask)) > 1


@GATES
@RELAXED
def test_masks_are_the_relaxed_choices_of_each_sample_s_modality(
    cls, relaxation
):
    layer = make(cls, relaxation=relaxation)
    expected = relaxed_bernoulli(layer.logits, 0.5, relaxation)
    expected = MAPS * array(layer.broadcast(expected, 4))[MODALITY]
    np.testing.assert_allclose(
        array(layer(MAPS, MODALITY)), expected, rtol=1e-6
    )


@SEARCHES
@RELAXED
def test_as_temperature_falls_the_mask_tends_to_the_derived_one(
    cls, relaxation
):
    layer = make(cls, relaxation=relaxation)
    soft = []
    for temperature in (1.0, 0.1, 1e-4):
        layer.temperature.assign(temperature)
        soft.append(array(layer(MAPS, MODALITY)))
    layer.freeze()
    derived = array(layer(MAPS, MODALITY))
    gaps = [np.abs(outputs - derived).max() for outputs in soft]
    assert gaps[0] >= gaps[1] >= gaps[2]
    assert gaps[2] < 1e-6
    expected = MAPS
    for gate in find_gates(layer):
        mask = array(gate.broadcast(gate.derived_mask(), 4))
        expected = expected * mask[MODALITY]
    np.testing.assert_array_equal(derived, expected)


@GATES
@pytest.mark.parametrize(
    "relaxation, noise",
    [*((name, "sample") for name in RELAXATIONS), ("hard_concrete", "batch")],
)
def test_the_mean_of_many_samples_agrees_with_a_numpy_twin(
    cls, relaxation, noise
):
    num_samples = 8000
    layer = make(
        cls, shape=(None, 2, 2, 3), relaxation=relaxation, noise=noise, seed=5
    )
    if noise == "sample":
        modality = np.repeat([0, 1], num_samples)
        keep = array(layer.keep(2 * num_samples, modality, training=True))
        samples = keep.reshape(2, num_samples, -1)
    else:
        call = compiled(layer, training=True)
        maps = np.ones((2, 2, 2, 3), "float32")
        num_samples = 400
        samples = [
            array(call(maps, np.array([0, 1]))) for _ in range(num_samples)
        ]
        samples = np.stack(samples, axis=1)
        samples = (
            samples[:, :, 0, 0] if cls is ChannelSearch else samples[..., 0]
        )
        samples = samples.reshape(2, num_samples, -1)
    twin = numpy_samples(array(layer.logits).reshape(2, 1, -1), 0.5, relaxation)
    error = np.sqrt(twin.var(axis=1) * (1 / num_samples + 1 / twin.shape[1]))
    gap = np.abs(samples.mean(axis=1) - twin.mean(axis=1))
    assert np.all(gap < 5 * error + 1e-3)


def numpy_samples(logits, temperature, relaxation, num_samples=100_000):
    rng = np.random.default_rng(11)
    u = rng.uniform(size=(logits.shape[0], num_samples, logits.shape[-1]))
    noise = np.log(u) - np.log1p(-u)
    soft = 1 / (1 + np.exp(-(logits + noise) / temperature))
    return {
        "binary_concrete": soft,
        "hard_concrete": np.clip(soft * 1.2 - 0.1, 0, 1),
        "straight_through": (soft > 0.5).astype(float),
    }[relaxation]


@SEARCHES
@pytest.mark.parametrize("jit_compile", (False, True))
def test_a_new_temperature_changes_a_compiled_function(cls, jit_compile):
    layer = make(cls)
    call = compiled(layer, jit_compile)
    warm = array(call(MAPS, MODALITY))
    layer.temperature.assign(0.01)
    cold = array(call(MAPS, MODALITY))
    assert np.any(warm != cold)
    np.testing.assert_allclose(cold, array(layer(MAPS, MODALITY)), rtol=1e-6)


@SEARCHES
def test_freezing_and_opening_change_a_compiled_function(cls):
    layer = make(cls, logits=-2.0)
    call = compiled(layer)
    searching = array(call(MAPS, MODALITY))
    layer.open()
    equal(call(MAPS, MODALITY), MAPS)
    layer.freeze()
    equal(call(MAPS, MODALITY), 0 * MAPS)
    layer.search()
    equal(call(MAPS, MODALITY), searching)


@SEARCHES
def test_a_frozen_gate_draws_nothing_even_in_training(cls):
    layer = make(cls)
    layer.freeze()
    inference = layer(MAPS, MODALITY)
    equal(layer(MAPS, MODALITY, training=True), inference)


@SEARCHES
def test_search_variables_are_empty_before_build_then_trainable(cls):
    layer = cls()
    assert layer.search_variables == []
    layer.build(SHAPE)
    trained = {id(v) for v in layer.trainable_variables}
    assert {id(v) for v in layer.search_variables} == trained
    assert id(layer.temperature) not in trained


@SEARCHES
def test_an_untrainable_layer_keeps_its_search_variables_but_trains_none(cls):
    layer = make(cls)
    layer.trainable = False
    assert layer.trainable_variables == []
    assert layer.search_variables


@SEARCHES
def test_the_temperature_of_the_moment_survives_saving(cls, tmp_path):
    image = keras.Input(SHAPE[1:])
    model = keras.Model(image, cls()(image))
    (layer,) = model.layers[1:]
    layer.temperature.assign(0.125)
    model.save(tmp_path / "model.keras")
    (twin,) = keras.saving.load_model(tmp_path / "model.keras").layers[1:]
    assert float(twin.temperature) == 0.125
    assert twin.initial_temperature == 0.5
    assert twin.get_config()["initial_temperature"] == 0.5


@SEARCHES
def test_a_frozen_mask_survives_saving(cls, tmp_path):
    image = keras.Input(SHAPE[1:])
    layer = make(cls, num_modalities=1)
    model = keras.Model(image, layer(image))
    layer.freeze()
    model.save(tmp_path / "model.keras")
    twin = keras.saving.load_model(tmp_path / "model.keras")
    equal(twin(MAPS), model(MAPS))
    assert 0 < np.mean(array(model(ONES))) < 1


@SEARCHES
def test_permuting_samples_permutes_outputs(cls):
    layer = make(cls)
    order = np.array([3, 0, 5, 1, 4, 2])
    outputs = array(layer(MAPS, MODALITY))
    equal(layer(MAPS[order], MODALITY[order]), outputs[order])


@SEARCHES
def test_the_modalities_have_logits_of_their_own(cls):
    layer = make(cls)
    visible = np.zeros(len(MAPS), "int32")
    before = array(layer(MAPS, visible))
    for logits in layer.search_variables:
        values = array(logits).copy()
        values[1] = -1e4
        logits.assign(values)
    equal(layer(MAPS, visible), before)
    equal(layer(MAPS, visible + 1), 0 * MAPS)


@SEARCHES
def test_a_gradient_reaches_only_the_modalities_of_the_batch(cls):
    layer = make(cls, relaxation="binary_concrete")
    visible = np.zeros(len(MAPS), "int32")
    _, *found = gradients(lambda y: ops.sum(y**2), layer, MAPS, visible)
    for gradient in found:
        assert np.all(gradient[0] != 0)
        assert not np.any(gradient[1])


@SEARCHES
def test_sample_noise_differs_between_samples_and_calls(cls):
    layer = make(cls, relaxation="binary_concrete")
    first, second = (
        array(layer(ONES, 0 * MODALITY, training=True)) for _ in range(2)
    )
    assert np.any(first[0] != first[1])
    assert np.any(first != second)


@SEARCHES
def test_batch_noise_is_one_draw_per_modality_and_call(cls):
    layer = make(cls, logits=0.0, relaxation="binary_concrete", noise="batch")
    first, second = (
        array(layer(ONES, MODALITY, training=True)) for _ in range(2)
    )
    for rows in (first[MODALITY == 0], first[MODALITY == 1]):
        equal(rows, np.broadcast_to(rows[:1], rows.shape))
    assert np.any(first[MODALITY == 0] != first[MODALITY == 1])
    assert np.any(first != second)


@SEARCHES
def test_noise_follows_the_layer_s_seed(cls):
    samples = [
        array(make(cls, seed=seed, name="a")(ONES, MODALITY, training=True))
        for seed in (1, 1, 2)
    ]
    equal(samples[0], samples[1])
    assert np.any(samples[0] != samples[2])


@GATES
@RELAXED
def test_open_fraction_is_the_share_of_gates_that_are_not_closed(
    cls, relaxation
):
    layer = make(cls, relaxation=relaxation, seed=0)
    twin = numpy_samples(array(layer.logits).reshape(2, 1, -1), 0.5, relaxation)
    threshold = 0.5 if relaxation == "binary_concrete" else 0.0
    share = np.mean(twin > threshold)
    assert abs(array(layer.open_fraction()) - share) < 0.01


@GATES
def test_open_fraction_of_a_frozen_gate_is_that_of_its_mask(cls):
    layer = make(cls)
    layer.freeze()
    assert np.isclose(array(layer.open_fraction()), layer.derived_mask().mean())
    layer.open()
    assert array(layer.open_fraction()) == 1.0


@GATES
def test_entropy_falls_from_one_bit_to_none(cls):
    values = [
        array(make(cls, logits=logit).entropy()) for logit in (0.0, 2.0, 1e3)
    ]
    assert values[0] == 1.0
    assert 0 < values[1] < 1
    assert values[2] == 0.0


@SEARCHES
@pytest.mark.parametrize("dtype", DTYPES)
def test_search_state_is_float32_under_any_policy(cls, dtype):
    layer = make(cls, dtype=dtype)
    outputs = layer(ops.cast(MAPS, dtype), MODALITY, training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == dtype
    assert {w.dtype for w in layer.weights} == {"float32"}


@SEARCHES
def test_training_takes_an_empty_batch_and_a_batch_of_one(cls):
    for size in (0, 1):
        run = quick(make(cls), training=True)
        outputs = run(MAPS[:size], MODALITY[:size])
        assert tuple(outputs.shape) == (size, *SHAPE[1:])


def test_training_under_xla_closes_what_hurts():
    image = keras.Input(SHAPE[1:])
    modality = keras.Input((), dtype="int32")
    layers = [cls(2, seed=0) for cls in CLASSES]
    model = keras.Model(
        [image, modality], [layer(image, modality) for layer in layers]
    )
    optimizer = keras.optimizers.Adam(0.5)
    model.compile(optimizer, ["mse" for _ in layers], jit_compile=True)
    goals = [0 * MAPS for _ in layers]
    history = model.fit([MAPS, MODALITY], goals, epochs=25, verbose=0).history
    assert np.all(np.isfinite(history["loss"]))
    for layer in layers:
        for logits in layer.search_variables:
            assert np.mean(array(logits) < 0) > 0.9


@SEARCHES
@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"num_modalities": 0}, "Received: num_modalities=0"),
        ({"relaxation": "gumbel"}, "Received: relaxation='gumbel'"),
        ({"noise": "pixel"}, "Received: noise='pixel'"),
        ({"initial_temperature": 0.0}, "Received: initial_temperature=0.0"),
        ({"initial_temperature": -1}, "Received: initial_temperature=-1"),
        ({"sparsity": -0.1}, "Received: sparsity=-0.1"),
    ],
)
def test_a_wrong_argument_raises_at_once(cls, arguments, message):
    with pytest.raises(ValueError, match=message):
        cls(**arguments)


@SEARCHES
def test_a_wrong_modality_raises_in_eager_mode(cls):
    layer = make(cls)
    with pytest.raises(ValueError, match="modality=None, num_modalities=2"):
        layer(MAPS)
    with pytest.raises(ValueError, match=r"modality of shape \(5,\)"):
        layer(MAPS, MODALITY[:5])
    with pytest.raises(ValueError, match=r"modality of shape \(6, 1\)"):
        layer(MAPS, MODALITY[:, None])
    for wrong in (-1, 2):
        with pytest.raises(ValueError, match=r"must lie in \[0, 2\)"):
            layer(MAPS, np.where(MODALITY == 1, wrong, 0))


@SEARCHES
@pytest.mark.parametrize("frozen", (False, True))
def test_an_unknown_modality_closes_its_sample_in_a_graph(cls, frozen):
    layer = make(cls, logits=1e4)
    if frozen:
        layer.open()
    modality = np.array([0, 1, 2, -1, 1, 7], "int32")
    outputs = array(compiled(layer)(MAPS, modality))
    known = (modality >= 0) & (modality < 2)
    equal(outputs[known], MAPS[known])
    equal(outputs[~known], 0 * MAPS[~known])


@pytest.mark.parametrize(
    "cls, shape",
    [
        (ChannelSearch, (4, 3, None)),
        (SpatialSearch, (None, 3, 5)),
        (SpatialSearch, (4, None, 5)),
        (DualLevelSearch, (4, 3, None)),
        (DualLevelSearch, (None, None, 5)),
    ],
)
def test_a_shape_that_is_not_static_raises(cls, shape):
    with pytest.raises(ValueError, match="static .* Received: input_sh"):
        cls()(keras.Input(shape))


@pytest.mark.parametrize(
    "cls, shape",
    [(ChannelSearch, (4,)), (SpatialSearch, (4, 3)), (DualLevelSearch, (4, 3))],
)
def test_a_map_without_what_is_searched_raises(cls, shape):
    with pytest.raises(ValueError, match="needs a static shape"):
        cls()(np.ones(shape, "float32"))


@GATES
@pytest.mark.parametrize("shape", [(2, 9, 9, 9), (7,), (1, 2, 4, 3)])
def test_a_mask_that_does_not_fit_raises(cls, shape):
    layer = make(cls)
    with pytest.raises(ValueError, match="Received: mask of shape"):
        layer.freeze(np.ones(shape))


@SEARCHES
def test_a_gate_without_variables_explains_itself(cls):
    layer = cls(name="early")
    calls = (layer.freeze, layer.open, layer.search)
    for call in calls:
        with pytest.raises(ValueError, match="Received: layer .*, not built"):
            call()


@SEARCHES
@pytest.mark.parametrize("modality", [None, True, 0.0])
def test_a_missing_modality_raises_when_a_model_is_built(cls, modality):
    image = keras.Input(SHAPE[1:])
    with pytest.raises(ValueError, match="modality.*Received: modality"):
        cls(num_modalities=2)(image, modality=modality)


@SEARCHES
def test_a_modality_may_be_a_list_or_one_integer(cls):
    layer = make(cls)
    expected = array(layer(MAPS, MODALITY))
    equal(layer(MAPS, modality=MODALITY.tolist()), expected)
    alike = array(layer(MAPS, modality=1))
    equal(alike[MODALITY == 1], expected[MODALITY == 1])
    for wrong in (True, [True] * 6, [0.0] * 6, "infrared", [0, 1]):
        with pytest.raises(ValueError, match="one integer per sample. Recei"):
            layer(MAPS, modality=wrong)
    with pytest.raises(ValueError, match=r"must lie in \[0, 2\)"):
        layer(MAPS, modality=2)


@SEARCHES
def test_gates_of_one_seed_and_different_names_draw_differently(cls):
    samples = [
        array(make(cls, seed=1, name=name)(ONES, 0 * MODALITY, training=True))
        for name in ("stage1", "stage2")
    ]
    assert np.any(samples[0] != samples[1])


@SEARCHES
def test_a_gate_at_several_places_is_sampled_once_in_a_call(cls):
    image = keras.Input(SHAPE[1:])
    gate = cls(relaxation="binary_concrete")
    outputs = [gate(image), gate(keras.layers.ReLU()(image)), gate(image)]
    model = keras.Model(image, outputs)
    first, rectified, again = map(array, model(MAPS, training=True))
    equal(first, again)
    equal(np.maximum(first, 0), rectified)
    assert np.any(array(model(MAPS, training=True)[0]) != first)


@SEARCHES
def test_models_that_share_a_gate_share_its_sample(cls):
    image = keras.Input(SHAPE[1:])
    gate = cls(relaxation="binary_concrete")
    inner = keras.Model(image, gate(image))
    model = keras.Model(image, [gate(image), inner(image)])
    equal(*model(MAPS, training=True))


@SEARCHES
def test_sparsity_adds_the_expected_number_of_open_gates(cls):
    layer = make(cls, sparsity=0.25)
    layer(MAPS, MODALITY)
    assert layer.losses == []  # inference selects nothing
    layer(MAPS, MODALITY, training=True)
    expected = sum(
        float(array(ops.sum(gate.open_probabilities())))
        for gate in find_gates(layer)
    )
    assert np.isclose(sum(map(array, layer.losses)), 0.25 * expected)
    layer.freeze()
    layer(MAPS, MODALITY, training=True)
    assert sum(map(array, layer.losses)) == 0


@SEARCHES
def test_sparsity_of_a_gate_at_two_places_counts_once(cls):
    image = keras.Input(SHAPE[1:])
    once, twice = cls(sparsity=1.0), cls(sparsity=1.0)
    losses = []
    for outputs in (once(image), twice(twice(image))):
        model = keras.Model(image, outputs)
        model(MAPS, training=True)
        losses.append(float(sum(map(array, model.losses))))
    assert losses[0] == losses[1] > 0


def test_with_sparsity_plain_fit_closes_what_the_loss_does_not_need():
    image = keras.Input(SHAPE[1:])
    gate = DualLevelSearch(sparsity=0.1, seed=0)
    pooled = keras.layers.GlobalAveragePooling2D()(gate(image))
    model = keras.Model(image, pooled)
    model.compile(keras.optimizers.Adam(0.5), "mse")
    rng = np.random.default_rng(0)
    needed = rng.normal(size=(6, 5)) * [9, 9, 0, 0, 0]
    maps = MAPS * 0 + needed[:, None, None].astype("float32")
    model.fit(maps, needed, epochs=25, verbose=0)
    equal(gate.channel.derived_mask(), [[1, 1, 0, 0, 0]])


@SEARCHES
def test_a_waiting_gate_is_open_and_a_frozen_one_stays_frozen(cls):
    layer = make(cls)
    for gate in find_gates(layer):
        gate.wait()
        assert not gate.is_frozen
    equal(layer(MAPS, MODALITY, training=True), MAPS)
    layer.freeze()
    frozen = array(layer(MAPS, MODALITY))
    for gate in find_gates(layer):
        gate.wait()
        assert gate.is_frozen
    equal(layer(MAPS, MODALITY), frozen)


@SEARCHES
def test_saved_it_draws_the_noise_of_an_uninterrupted_search(cls, tmp_path):
    image = keras.Input(SHAPE[1:])
    model = keras.Model(image, cls(seed=3)(image))
    model(MAPS, training=True)
    model.save(tmp_path / "model.keras")
    twin = keras.saving.load_model(tmp_path / "model.keras")
    equal(twin(MAPS, training=True), model(MAPS, training=True))


def test_a_model_without_search_has_no_gates():
    image = keras.Input((4, 4, 3))
    model = keras.Model(image, keras.layers.ReLU()(image))
    assert find_gates(model) == []


def test_gates_are_found_in_nested_models_and_cells():
    image = keras.Input((4, 4, 3))
    inner = keras.Sequential([keras.Input((4, 4, 3)), DualLevelSearch()])
    channel, spatial = ChannelSearch(), SpatialSearch()
    model = keras.Model(image, spatial(inner(channel(image))))
    found = find_gates(model)
    cell = inner.layers[0]
    expected = [channel, cell.channel, cell.spatial, spatial]
    assert [id(gate) for gate in found] == [id(gate) for gate in expected]


def test_a_gate_is_found_in_itself_and_once():
    gate = ChannelSearch()
    assert find_gates(gate) == [gate]
    image = keras.Input((4, 4, 3))
    assert find_gates(keras.Model(image, gate(gate(image)))) == [gate]
    cell = DualLevelSearch()
    assert find_gates(cell) == [cell.channel, cell.spatial]


@SEARCHES
@pytest.mark.parametrize("mask", [5.0, -1.0, np.nan])
def test_a_mask_of_other_numbers_raises(cls, mask):
    with pytest.raises(ValueError, match="Received: mask of values"):
        make(cls).freeze(mask)
