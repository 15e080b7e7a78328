"""Makes the endpoints of a SavedModel."""

import hashlib
import json
import re

import tensorflow as tf

from nfs_keras.datasets.images import resize_image
from nfs_keras.serving.guarded_decoding import decode_batch
from nfs_keras.serving.match_probability import MatchProbability

# Of one row; a server's batch has at most 32, and so a bound too.
PIXEL_SHARE = 16  # decoded images may have 1/16 of the pixels of files
MAX_COMPARISONS = 2**20  # 4 MiB of similarities
# Where a name stands in JSON: at its key, or at the start of a reference.
NAMED = re.compile(r'("name": |\[)("(?:[^"\\]|\\.)*")')


def endpoints(
    encoders, image_shape, precision, match_probability, max_pixels
) -> dict:
    """Makes the endpoints of a model, by their fixed names.

    Args:
        encoders: Dict from modality to encoder, see `serving_encoders`.
        image_shape: `(height, width, 3)` of the images that they take.
        precision: See `frozen_encoder`.
        match_probability: `MatchProbability`, or `None`.
        max_pixels: See `decode_batch`.

    Returns:
        Dict from name to `tf.function`.
    """
    signatures = {}
    for modality, encoder in encoders.items():
        encode = frozen_encoder(encoder, image_shape, precision)
        signatures[modality] = bytes_endpoint(encode, image_shape, max_pixels)
        signatures[f"{modality}_pixels"] = pixels_endpoint(
            encode, image_shape, max_pixels // PIXEL_SHARE
        )
    dim = encode.structured_outputs.shape[-1]
    signatures["match"] = match_endpoint(dim, match_probability)
    signatures["model_version"] = version_endpoint(
        fingerprint(encoders, image_shape, precision)
    )
    signatures["serving_default"] = signatures["visible"]
    return signatures


def frozen_encoder(encoder, image_shape: tuple, precision: str):
    """Traces an encoder with its weights as constants of the graph.

    TensorFlow then folds batch normalisation and lays out the kernels once,
    when the model is loaded, instead of at every request.

    Args:
        encoder: `keras.Model` from images to embeddings.
        image_shape: `(height, width, 3)` of its images.
        precision: `"float32"`, `"bfloat16"` or `"float16"`: of the kernels
            and of the computations with them.

    Returns:
        Concrete function from `(B, *image_shape)` float32 images in [0, 255]
        to `(B, D)` float32 embeddings.
    """
    if precision != "float32":
        encoder = with_precision(encoder, precision)
    trainable = constants(encoder.trainable_variables, precision)
    frozen = constants(encoder.non_trainable_variables, precision)

    def encode(images):
        embedding, _ = encoder.stateless_call(
            [tf.constant(value) for value in trainable],
            [tf.constant(value) for value in frozen],
            images,
            training=False,
        )
        return embedding

    spec = tf.TensorSpec((None, *image_shape), "float32", name="images")
    return tf.function(encode, autograph=False).get_concrete_function(spec)


def constants(variables, precision: str) -> list:
    """Reads variables as arrays, and casts the kernels to `precision`."""
    return [
        tf.cast(v.value, precision if v.name == "kernel" else v.dtype).numpy()
        for v in variables
    ]


def with_precision(encoder, precision: str):
    """Copies a Keras model to one that computes in half precision."""
    config = with_dtype_policy(encoder.get_config(), f"mixed_{precision}")
    copy = type(encoder).from_config(config)
    copy.set_weights(encoder.get_weights())
    return copy


def with_dtype_policy(config, policy: str):
    """Replaces every dtype policy in a Keras configuration."""
    if isinstance(config, list | tuple):
        return [with_dtype_policy(item, policy) for item in config]
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        return {**config, "config": {"name": policy}}
    return {k: with_dtype_policy(v, policy) for k, v in config.items()}


def bytes_endpoint(encode, image_shape: tuple, max_pixels: int):
    """Makes the endpoint that embeds image files."""

    @tf.function(input_signature=[tf.TensorSpec([None], "string")])
    def embed(image_bytes):
        images, valid = decode_batch(image_bytes, image_shape, max_pixels)
        embedding = tf.where(valid[:, tf.newaxis], encode(images), 0.0)
        return {"embedding": embedding, "valid": valid}

    return embed


def pixels_endpoint(encode, image_shape: tuple, max_pixels: int):
    """Makes the endpoint that embeds decoded images of one common size."""

    @tf.function(input_signature=[tf.TensorSpec([None] * 3 + [3], "uint8")])
    def embed(image):
        tf.debugging.assert_less_equal(
            tf.reduce_prod(tf.shape(image, "int64")[1:3]),
            tf.constant(max_pixels, "int64"),
            f"An image has at most {max_pixels} pixels; send larger ones as "
            "files.",
        )
        return {"embedding": encode(resize_image(image, image_shape))}

    return embed


def match_endpoint(dim: int, match_probability: MatchProbability | None):
    """Makes the endpoint that compares sets of embeddings.

    The first axis counts independent comparisons. Without it, a server that
    batches would join the sets of different clients, and each would receive
    the results of the others.
    """
    spec = tf.TensorSpec([None, None, dim], "float32")

    @tf.function(input_signature=[spec, spec])
    def match(query, gallery):
        tf.debugging.assert_less_equal(
            tf.shape(query, "int64")[1] * tf.shape(gallery, "int64")[1],
            tf.constant(MAX_COMPARISONS, "int64"),
            f"A comparison has at most {MAX_COMPARISONS} pairs; send parts.",
        )
        similarity = tf.matmul(query, gallery, transpose_b=True)  # (B, Q, G)
        if match_probability is None:
            return {"similarity": similarity}
        slope, intercept = match_probability
        probability = tf.sigmoid(slope * similarity + intercept)
        return {"similarity": similarity, "probability": probability}

    return match


def version_endpoint(version: str):
    """Makes the endpoint that returns the model's version, for each row."""

    @tf.function(input_signature=[tf.TensorSpec([None], "int32")])
    def name(row):
        return {"model_version": tf.fill(tf.shape(row), version)}

    return name


def fingerprint(encoders: dict, image_shape: tuple, precision: str) -> str:
    """Computes the version of a model from its encoders and their weights.

    Returns:
        The first 16 hexadecimal digits of a SHA-256 (our choice).
    """
    digest = hashlib.sha256(f"{image_shape} {precision}".encode())
    for modality, encoder in sorted(encoders.items()):
        digest.update(f"{modality} {unnamed(encoder.get_config())}".encode())
        for value in encoder.get_weights():
            digest.update(value.tobytes())
    return digest.hexdigest()[:16]


def unnamed(config: dict) -> str:
    """Writes a Keras configuration as JSON with numbers as layers' names.

    Keras counts up the names of layers in a process, so the same network has
    other names when it is exported again, or loaded.
    """
    numbers = {}

    def number(entry):
        kind, inner = entry.get("class_name", ""), entry.get("config")
        if isinstance(inner, dict) and not kind.endswith("DTypePolicy"):
            name = json.dumps(inner.get("name"))
            numbers.setdefault(name, f'"#{len(numbers)}"')
        return entry

    whole = {"class_name": "", "config": config}
    text = json.dumps(whole, sort_keys=True, default=str)
    json.loads(text, object_hook=number)
    return NAMED.sub(lambda x: x[1] + numbers.get(x[2], x[2]), text)
