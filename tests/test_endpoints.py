import keras
import numpy as np
import pytest
import tensorflow as tf
from exported_model import (
    CURVE,
    IMAGE_SHAPE,
    encoders,
    images,
    random_images,
    served,
)

from nfs_keras.serving.endpoints import (
    fingerprint,
    frozen_encoder,
    match_endpoint,
    with_dtype_policy,
)


def unit_vectors(*shape, seed=0):
    x = np.random.default_rng(seed).normal(size=shape).astype("float32")
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def test_a_broken_file_gives_zero_and_leaves_its_neighbours_alone():
    good = images(2)
    files = [good[0], b"broken", good[1]]
    outputs = served("visible", image_bytes=files)
    np.testing.assert_array_equal(outputs["valid"], [True, False, True])
    assert not np.any(outputs["embedding"][1])
    alone = served("visible", image_bytes=good)["embedding"]
    np.testing.assert_allclose(
        tf.gather(outputs["embedding"], [0, 2]), alone, atol=1e-6
    )


@pytest.mark.parametrize("size", [(1, 1), (5, 300), IMAGE_SHAPE[:2]])
def test_pixels_may_have_any_size(size):
    answer = served("visible_pixels", image=random_images(2, *size))
    norms = np.linalg.norm(answer["embedding"], axis=1)
    np.testing.assert_allclose(norms, 1, atol=1e-5)


def test_match_compares_the_sets_of_each_comparison():
    dim = encoders()["visible"].output.shape[-1]
    query, gallery = unit_vectors(3, 2, dim), unit_vectors(3, 5, dim, seed=1)
    outputs = served("match", query=query, gallery=gallery)
    similarity = np.stack(
        [q @ g.T for q, g in zip(query, gallery, strict=True)]
    )
    np.testing.assert_allclose(outputs["similarity"], similarity, atol=1e-5)
    odds = CURVE.slope * similarity + CURVE.intercept
    np.testing.assert_allclose(
        outputs["probability"], 1 / (1 + np.exp(-odds)), atol=1e-5
    )


def test_without_calibration_match_gives_no_probability():
    match = match_endpoint(4, None)
    x = tf.constant(unit_vectors(1, 2, 4))
    assert set(match(x, x)) == {"similarity"}


def test_weights_are_constants_and_no_variable_is_left():
    encode = frozen_encoder(encoders()["visible"], IMAGE_SHAPE, "float32")
    assert encode.graph.variables == ()
    assert encode.captured_inputs == []


def test_later_training_does_not_move_a_frozen_encoder():
    source = keras.Sequential(
        [keras.Input(IMAGE_SHAPE), keras.layers.Flatten()]
        + [keras.layers.Dense(3)]
    )
    encode = frozen_encoder(source, IMAGE_SHAPE, "float32")
    images = tf.constant(random_images(2, *IMAGE_SHAPE[:2]), tf.float32)
    before = encode(images)
    for weight in source.weights:
        weight.assign(weight + 1)
    np.testing.assert_array_equal(encode(images), before)


def version_of(activation="relu", units=3, dtype=None, names=(None, None)):
    """The version of an encoder; without `names` Keras counts them up."""
    keras.utils.set_random_seed(0)
    image = keras.Input(IMAGE_SHAPE)
    x = keras.layers.Flatten(name=names[0])(keras.ops.abs(image))
    x = keras.layers.Dense(units, dtype=dtype)(x)
    x = keras.layers.Activation(activation, name=names[1])(x)
    encoder = keras.Model(image, x)
    return fingerprint({"visible": encoder}, IMAGE_SHAPE, "float32")


def test_names_that_keras_counts_up_do_not_change_the_version():
    assert version_of() == version_of() == version_of(names=("first", "last"))


def test_what_changes_the_embeddings_changes_the_version():
    kinds = [
        {"names": (None, "relu")},
        {"activation": "tanh", "names": (None, "tanh")},
        {"units": 4},
        {"dtype": "float16"},
        {"dtype": "mixed_bfloat16"},
    ]
    assert len({version_of(**kind) for kind in kinds}) == len(kinds)


def test_every_dtype_policy_of_a_configuration_is_replaced():
    policy = {"class_name": "DTypePolicy", "config": {"name": "float32"}}
    config = {"dtype": policy, "layers": [{"dtype": policy, "units": 3}]}
    changed = with_dtype_policy(config, "mixed_float16")
    assert "float32" not in str(changed)
    assert str(changed).count("mixed_float16") == 2
    assert changed["layers"][0]["units"] == 3
