import keras

from nfs_keras.models import count_flops


def encoder_of(layer, shape):
    image = keras.Input(shape)
    return keras.Model(image, layer(image))


def test_a_multiply_add_counts_as_two_operations():
    layer = keras.layers.Dense(5, use_bias=False)
    assert count_flops(encoder_of(layer, (7,))) == 2 * 5 * 7


def test_a_convolution_costs_its_kernel_at_every_pixel():
    layer = keras.layers.Conv2D(4, 3, padding="same", use_bias=False)
    flops = count_flops(encoder_of(layer, (8, 6, 3)))
    assert flops == 2 * (3 * 3 * 3 * 4) * (8 * 6)


def test_the_cost_is_that_of_inference():
    layer = keras.layers.Dropout(0.5)
    assert count_flops(encoder_of(layer, (7,))) == 0
