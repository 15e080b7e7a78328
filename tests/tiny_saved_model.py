"""A SavedModel with the library's signatures, small enough for a test."""

import tensorflow as tf

DIM = 8


class TinyModel(tf.Module):
    """Embeds a image as the projection of its 4 x 4 thumbnail."""

    def __init__(self, seed=0):
        super().__init__()
        noise = tf.random.stateless_normal((4 * 4 * 3, DIM), (seed, 1))
        self.projection = tf.Variable(noise)

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
    def embed(self, image_bytes):
        thumbnail, valid = tf.map_fn(
            decode, image_bytes, fn_output_signature=(tf.float32, tf.bool)
        )
        flat = tf.reshape(thumbnail, (-1, 4 * 4 * 3))
        embedding = tf.math.l2_normalize(flat @ self.projection, axis=1)
        embedding = tf.where(valid[:, None], embedding, 0.0)
        return {"embedding": embedding, "valid": valid}


def decode(image_bytes):
    valid = tf.strings.substr(image_bytes, 0, 4) == b"\x89PNG"
    image = tf.cond(
        valid,
        lambda: tf.io.decode_png(image_bytes, channels=3),
        lambda: tf.zeros((1, 1, 3), tf.uint8),
    )
    image = tf.image.resize(tf.cast(image, tf.float32), (4, 4))
    return tf.reshape(image, (4, 4, 3)) - 127.5, valid


def save_tiny_model(directory, seed=0):
    """Writes the model; returns its directory."""
    model = TinyModel(seed)
    signatures = {"visible": model.embed, "infrared": model.embed}
    tf.saved_model.save(model, str(directory), signatures=signatures)
    return directory


def png(rng, height=8, width=4):
    """Encodes a random image."""
    image = rng.integers(0, 256, (height, width, 3), "uint8")
    return tf.io.encode_png(image).numpy()
