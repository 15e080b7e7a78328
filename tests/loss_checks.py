"""The checks that every public loss passes, on every backend."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
from backends import BACKEND, COMPILED_FORMS, compiled, gradients, quick
from keras import ops
from layer_checks import constructor_arguments

SECTIONS = ("Args:", "Call arguments:", "Example:", "Reference:")

# Neighbours above 2048 (256) are one number in float16 (bfloat16).
IDENTITIES = np.repeat([3000, 3001, 3002], 4)
MODALITY = np.tile([0, 0, 1, 1], 3)
# As many as above, so that JAX compiles for one shape; 2 stands alone.
RAGGED_IDENTITIES = np.array([5, 9, 5, 2, 9, 5, 7, 7, 7, 7, 9, 9])
RAGGED_MODALITY = np.array([0, 0, 0, 0, 1, 1, 0, 1, 1, 1, 0, 1])


class Case(NamedTuple):
    """How to make a loss, its inputs, and its value in plain NumPy."""

    create: Callable
    reference: Callable  # (y_true, y_pred) to a number
    inputs: Callable  # (identities, modality, seed) to (y_true, y_pred)
    silent: tuple  # of (y_true, y_pred) that hold nothing to compare
    variant: str = ""

    @property
    def loss_class(self):
        return type(self.create())

    @property
    def name(self):
        name = self.loss_class.__name__
        return f"{name}-{self.variant}" if self.variant else name

    @property
    def batch(self):
        return self.inputs(IDENTITIES, MODALITY, seed=0)


def random_embeddings(identities, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(len(identities), 6)).astype("float32")


def by_identity(identities, modality, seed):
    return identities, random_embeddings(identities, seed)


def by_identity_and_modality(identities, modality, seed):
    y_true = np.stack([identities, modality], axis=1)
    return y_true, random_embeddings(identities, seed)


def by_pair(identities, modality, seed):
    embeddings = random_embeddings(identities, seed)
    distances = np.linalg.norm(embeddings[:-1] - embeddings[1:], axis=1)
    return (identities[:-1] == identities[1:]).astype("int32"), distances


class LossLayer(keras.layers.Layer):
    """Lets a loss be compiled and differentiated where a layer can."""

    def __init__(self, loss):
        super().__init__(dtype="float32", autocast=False)
        self.loss = loss

    def call(self, y_pred, y_true, training=False):
        return self.loss(y_true, y_pred)


def gradient(layer, y_true, y_pred):
    return gradients(ops.sum, layer, y_pred, y_true)[0]


@functools.cache
def layer_and_program(create):
    """One of a case for all checks, so that JAX compiles it once."""
    layer = LossLayer(create())
    return layer, quick(layer)


def check_loops_in_numpy_agree(case, tmp_path):
    _, run = layer_and_program(case.create)
    batches = [case.batch]
    for seed in range(3):
        batches.append(case.inputs(RAGGED_IDENTITIES, RAGGED_MODALITY, seed))
    for y_true, y_pred in batches:
        expected = case.reference(y_true, y_pred)
        assert expected > 0
        np.testing.assert_allclose(
            run(y_pred, y_true), expected, rtol=1e-5, atol=1e-5
        )


def check_zero_where_nothing_compares(case, tmp_path):
    layer, run = layer_and_program(case.create)
    for y_true, y_pred in case.silent:
        np.testing.assert_allclose(run(y_pred, y_true), 0.0, atol=1e-5)
        slope = gradient(layer, y_true, y_pred)
        np.testing.assert_allclose(slope, 0.0, atol=1e-5)


def check_order_of_the_batch_is_nothing(case, tmp_path):
    y_true, y_pred = case.batch
    order = np.random.default_rng(1).permutation(len(y_true))
    _, run = layer_and_program(case.create)
    np.testing.assert_allclose(
        run(y_pred[order], y_true[order]), run(y_pred, y_true), rtol=1e-5
    )


def check_gradient_is_finite_and_not_zero(case, tmp_path):
    layer, _ = layer_and_program(case.create)
    slope = gradient(layer, *case.batch)
    assert np.all(np.isfinite(slope))
    assert np.any(slope)


def check_gradient_is_finite_at_coincident_rows(case, tmp_path):
    y_true, y_pred = case.batch
    layer, run = layer_and_program(case.create)
    for rows in (np.zeros_like(y_pred), np.ones_like(y_pred)):
        assert np.isfinite(float(run(rows, y_true)))
        assert np.all(np.isfinite(gradient(layer, y_true, rows)))


def check_float32_inside_half_precision(case, tmp_path):
    y_true, y_pred = case.batch
    _, run = layer_and_program(case.create)
    for dtype in ("float16", "bfloat16"):
        half = ops.cast(50 * y_pred, dtype)  # squared and summed: 1e4
        loss = run(half, y_true)
        assert keras.backend.standardize_dtype(loss.dtype) == "float32"
        exact = ops.convert_to_numpy(ops.cast(half, "float32"))
        np.testing.assert_allclose(loss, run(exact, y_true), rtol=1e-6)


def check_eager_graph_and_xla_agree(case, tmp_path):
    y_true, y_pred = case.batch
    layer = LossLayer(case.create())
    eager = layer(y_pred, y_true)
    for jit_compile in COMPILED_FORMS:
        run = compiled(layer, jit_compile)
        np.testing.assert_allclose(
            run(y_pred, y_true), eager, rtol=1e-5, atol=1e-6
        )


def check_config_roundtrip(case, tmp_path):
    loss = case.create()
    config = loss.get_config()
    assert not constructor_arguments(type(loss)) - set(config)
    packed = keras.saving.serialize_keras_object(loss)
    assert packed["registered_name"] == f"nfs_keras>{type(loss).__name__}"
    twin = keras.saving.deserialize_keras_object(packed)
    assert type(twin) is type(loss)
    assert twin.get_config() == config


def check_compiles_and_fits(case, tmp_path):
    y_true, y_pred = case.batch
    features = y_pred.reshape(len(y_true), -1)
    # A vector of distances needs no axis of its own.
    units = 1 if y_pred.ndim == 1 else y_pred.shape[1]
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input(features.shape[1:]),
            keras.layers.Dense(units, dtype="mixed_bfloat16"),
        ]
    )
    how = {"tensorflow": {"run_eagerly": True}, "jax": {"jit_compile": True}}
    model.compile("adam", case.create(), **how.get(BACKEND, {}))
    model.optimizer.learning_rate = 0.01
    outputs = ops.convert_to_numpy(ops.cast(model(features), "float32"))
    by_hand = case.create()(y_true, outputs)
    history = model.fit(
        features, y_true, batch_size=len(y_true), epochs=4, verbose=0
    ).history["loss"]
    np.testing.assert_allclose(history[0], by_hand, rtol=1e-3)
    assert history[-1] < history[0]


def check_model_with_the_loss_survives_saving(case, tmp_path):
    y_true, y_pred = case.batch
    model = keras.Sequential([keras.Input(y_pred.shape[1:])])
    model.add(keras.layers.Activation("linear"))
    model.compile("sgd", case.create())
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.loss.get_config() == model.loss.get_config()


def check_docstring_has_its_sections(case, tmp_path):
    text = case.loss_class.__doc__
    places = [text.find(f"\n    {section}") for section in SECTIONS]
    assert -1 not in places
    assert places == sorted(places)


CHECKS = [f for name, f in list(globals().items()) if name.startswith("check_")]
