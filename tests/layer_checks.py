"""The checks that every public layer passes, on every backend."""

import inspect
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from backends import BACKEND, COMPILED_FORMS, compiled, gradients, quick
from keras import ops, tree

SECTIONS = (
    "Args:",
    "Call arguments:",
    "Input shape:",
    "Output shape:",
    "Example:",
    "Reference:",
)


class Case(NamedTuple):
    """How to make a layer, and what it must look like once built."""

    create: Callable  # accepts the base layer's keywords, e.g. `dtype`
    input_shape: tuple
    output_shape: tuple  # or a tuple of tuples
    num_weights: tuple  # (trainable, non-trainable)
    variant: str = ""
    modality: tuple | None = None

    @property
    def layer_class(self):
        return type(self.create())

    @property
    def name(self):
        name = self.layer_class.__name__
        return f"{name}-{self.variant}" if self.variant else name

    @property
    def inputs(self):
        rng = np.random.default_rng(0)
        return rng.normal(size=self.input_shape).astype("float32")

    @property
    def arguments(self):
        """The layer's positional arguments."""
        if self.modality is None:
            return (self.inputs,)
        return self.inputs, np.array(self.modality, "int32")

    def built(self, **kwargs):
        """Makes the layer with weights that are no special case."""
        layer = self.create(**kwargs)
        layer.build(self.input_shape)
        rng = np.random.default_rng(1)
        for weight in layer.trainable_weights:
            weight.assign(rng.normal(size=weight.shape))
        return layer

    def model(self):
        """Wraps the layer into a functional model with named inputs."""
        layer = self.built()
        inputs = {"image": keras.Input(self.input_shape[1:], name="image")}
        if self.modality is not None:
            inputs["modality"] = keras.Input((), dtype="int32", name="modality")
        return keras.Model(inputs, layer(*inputs.values()))

    @property
    def model_inputs(self):
        names = ("image", "modality")
        return dict(zip(names, self.arguments, strict=False))


def check_config_names_every_argument(case, tmp_path):
    layer = case.create()
    missing = constructor_arguments(type(layer)) - set(layer.get_config())
    assert not missing, f"get_config() forgets {sorted(missing)}"


def check_config_roundtrip(case, tmp_path):
    layer = case.create()
    packed = keras.saving.serialize_keras_object(layer)
    assert packed["registered_name"] == f"nfs_keras>{type(layer).__name__}"
    twin = keras.saving.deserialize_keras_object(packed)
    assert type(twin) is type(layer)
    assert twin.get_config() == layer.get_config()


def check_build_leaves_config_alone(case, tmp_path):
    layer = case.create()
    before = layer.get_config()
    layer.build((None, *case.input_shape[1:]))
    assert arguments_of(layer.get_config()) == arguments_of(before)
    built = (len(layer.trainable_weights), len(layer.non_trainable_weights))
    assert built == case.num_weights


def check_shapes_agree(case, tmp_path):
    layer = case.built()
    for size in (case.input_shape[0], 1, 0):
        arguments = [a[:size] for a in case.arguments]
        outputs = quick(layer)(*arguments)
        expected = with_batch(case.output_shape, size)
        assert shapes_of(outputs) == expected
        assert layer.compute_output_shape(arguments[0].shape) == expected
        assert all(np.all(np.isfinite(y)) for y in arrays_of(outputs))
    unknown = with_batch(case.output_shape, None)
    symbolic = layer(*case.model().inputs)
    assert shapes_of(symbolic) == unknown
    assert layer.compute_output_shape((None, *case.input_shape[1:])) == unknown


def check_eager_graph_and_xla_agree(case, tmp_path):
    layer = case.built()
    eager = layer(*case.arguments)
    for jit_compile in COMPILED_FORMS:
        assert_close(compiled(layer, jit_compile)(*case.arguments), eager)


def check_gradients_reach_everything(case, tmp_path):
    def error(outputs):
        rng = np.random.default_rng(2)
        goals = [rng.normal(size=y.shape) for y in tree.flatten(outputs)]
        return sum(
            ops.sum(ops.square(y - ops.cast(goal, y.dtype)))
            for y, goal in zip(tree.flatten(outputs), goals, strict=True)
        )

    layer = case.built()
    found = gradients(error, layer, *case.arguments)
    assert len(found) == 1 + case.num_weights[0]
    for gradient in found:
        assert gradient is not None
        assert np.all(np.isfinite(gradient))
        assert np.any(gradient)


def check_mixed_precision(case, tmp_path):
    exact = arrays_of(quick(case.built())(*case.arguments))
    for dtype in ("float16", "bfloat16"):
        layer = case.built(dtype=f"mixed_{dtype}")
        rounded, trained = (
            quick(layer, training)(*case.arguments)
            for training in (False, True)
        )
        for outputs in (rounded, trained):
            assert dtypes_of(outputs) == {dtype}
            assert all(np.all(np.isfinite(y)) for y in arrays_of(outputs))
        assert {w.dtype for w in layer.weights} <= {"float32"}
        for a, b in zip(arrays_of(rounded), exact, strict=True):
            np.testing.assert_allclose(a, b, rtol=0.05, atol=0.05)


def check_randomness_is_seeded(case, tmp_path):
    outputs = []
    for _ in range(2):
        keras.utils.set_random_seed(7)
        layer = case.built()
        outputs.append(layer(*case.arguments, training=True))
    assert_equal(*outputs)
    before = [ops.convert_to_numpy(v) for v in layer.variables]
    assert_equal(layer(*case.arguments), layer(*case.arguments))
    after = [ops.convert_to_numpy(v) for v in layer.variables]
    assert_equal(before, after)


def check_model_survives_saving(case, tmp_path):
    model = case.model()
    if case.num_weights[0]:
        fit_once(model, case)
    model.save(tmp_path / "model.keras")
    twin = keras.saving.load_model(tmp_path / "model.keras")
    outputs = [quick(end)(case.model_inputs) for end in (model, twin)]
    assert_equal(*outputs)
    assert_equal(twin.get_weights(), model.get_weights())


def check_model_serves(case, tmp_path):
    model = case.model()
    model.export(tmp_path / "1", format="tf_saved_model", verbose=False)
    serve = tf.saved_model.load(tmp_path / "1").signatures["serving_default"]
    for size in (case.input_shape[0], 1):
        inputs = {k: x[:size] for k, x in case.model_inputs.items()}
        served = serve(**{k: tf.constant(x) for k, x in inputs.items()})
        served = [served[name] for name in sorted(served)]
        assert_close(served, tree.flatten(model(inputs)))


def check_docstring_is_complete(case, tmp_path):
    text = case.layer_class.__doc__
    places = [text.find(f"\n    {section}\n") for section in SECTIONS]
    assert -1 not in places, f"missing among {SECTIONS}: {places}"
    assert places == sorted(places), f"not in the order {SECTIONS}"
    call = set(inspect.signature(case.layer_class.call).parameters) - {"self"}
    # A subclass leaves to its base class what it does not change.
    texts = [
        base.__doc__
        for base in case.layer_class.__mro__
        if base.__module__.startswith("nfs_keras.")
    ]
    for name in constructor_arguments(case.layer_class) | call:
        assert any(f"\n        {name}: " in text for text in texts), (
            f"`{name}` is not documented"
        )


CHECKS = [f for name, f in list(globals().items()) if name.startswith("check_")]


def constructor_arguments(cls):
    """Names the arguments that the library's own `__init__`s accept."""
    names = set()
    for base in cls.__mro__:
        if base.__module__.startswith("keras."):
            return names - {"self"}
        if "__init__" in vars(base):
            names |= {
                p.name
                for p in inspect.signature(base.__init__).parameters.values()
                if p.kind is not p.VAR_KEYWORD
            }
    raise AssertionError(f"{cls} is no Keras layer")


def arguments_of(config):
    """Strips what Keras adds to the config of a layer's built sublayers."""
    if isinstance(config, dict):
        return {
            key: arguments_of(value)
            for key, value in config.items()
            if key != "build_config"
        }
    if isinstance(config, list):
        return [arguments_of(value) for value in config]
    return config


def with_batch(shape, size):
    """Replaces the batch axis of a shape, or of each shape of a tuple."""
    if isinstance(shape[0], tuple):
        return tuple(with_batch(s, size) for s in shape)
    return (size, *shape[1:])


def fit_once(model, case):
    """Takes one training step, and sees that it moved something."""
    optimizer = keras.optimizers.SGD(0.1)
    eagerly = BACKEND == "tensorflow"
    model.compile(optimizer, loss="mse", run_eagerly=eagerly)
    before = model.get_weights()
    goals = np.ones(case.output_shape, "float32")
    model.fit(case.model_inputs, goals, verbose=0)
    pairs = zip(before, model.get_weights(), strict=True)
    assert any(np.any(a != b) for a, b in pairs), "fit trained nothing"


def shapes_of(outputs):
    if isinstance(outputs, tuple):
        return tuple(tuple(y.shape) for y in outputs)
    return tuple(outputs.shape)


def dtypes_of(outputs):
    return {
        keras.backend.standardize_dtype(y.dtype) for y in tree.flatten(outputs)
    }


def arrays_of(outputs):
    """Gives the flat outputs as float32 NumPy arrays, bfloat16 ones too."""
    return [
        ops.convert_to_numpy(ops.cast(y, "float32"))
        for y in tree.flatten(outputs)
    ]


def assert_close(actual, desired):
    pairs = zip(arrays_of(actual), arrays_of(desired), strict=True)
    for a, b in pairs:
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def assert_equal(actual, desired):
    pairs = zip(tree.flatten(actual), tree.flatten(desired), strict=True)
    for a, b in pairs:
        np.testing.assert_array_equal(
            ops.convert_to_numpy(a), ops.convert_to_numpy(b)
        )
