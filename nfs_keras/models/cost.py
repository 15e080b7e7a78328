"""What a network costs."""

import tensorflow as tf


def count_flops(encoder) -> int:
    """Counts the floating-point operations that embed one picture.

    Args:
        encoder: A model of one image, such as `network.encoder("visible")`.

    Returns:
        Operations, a multiply-add counted as two.
    """
    forward = tf.function(lambda image: encoder(image, training=False))
    spec = tf.TensorSpec((1, *encoder.input_shape[1:]))
    graph = forward.get_concrete_function(spec).graph
    builder = tf.compat.v1.profiler.ProfileOptionBuilder
    options = builder(builder.float_operation()).with_empty_output().build()
    return tf.compat.v1.profiler.profile(graph, options=options).total_float_ops
