"""`NonLocal` looks from every pixel at every pixel, and can be compacted."""

import keras
import numpy as np

from nfs_keras.layers import ChannelSearch
from nfs_keras.models import compact, count_flops
from nfs_keras.reid import NonLocal

MAPS = np.random.default_rng(0).normal(size=(2, 5, 3, 6)).astype("float32")


def trained(layer):
    if not layer.built:
        layer.build(MAPS.shape)
    rng = np.random.default_rng(1)
    for variable in layer.variables:
        variable.assign(rng.uniform(0.1, 1.0, variable.shape))
    return layer


def test_it_is_the_attention_of_every_pixel_to_every_pixel():
    layer = trained(NonLocal(4, inner_filters=2))
    pixels = MAPS.reshape(2, 15, 6)
    theta, phi, g = (
        pixels @ np.array(part.kernel) + np.array(part.bias)
        for part in (layer.theta, layer.phi, layer.g)
    )
    attention = np.einsum("bic,bjc->bij", theta, phi) / 15
    found = np.einsum("bij,bjc->bic", attention, g)
    expected = found @ np.array(layer.w.kernel) + np.array(layer.w.bias)
    np.testing.assert_allclose(
        layer(MAPS), expected.reshape(2, 5, 3, 4), rtol=1e-4
    )


def operations(read, inner, written):
    """Of the products at each of 15 pixels; a multiply-add counts as two."""
    return 2 * 15 * (3 * read * inner + 2 * inner * inner + inner * written)


def test_compact_removes_what_it_need_not_read_and_write():
    image = keras.Input((5, 3, 6))
    before, after = ChannelSearch(name="before"), ChannelSearch(name="after")
    layer = NonLocal(6, inner_filters=2)
    outputs = keras.layers.Dense(3)(after(layer(before(image))))
    model = keras.Model(image, outputs)
    trained(layer)
    before.freeze([1, 0, 1, 1, 0, 1])
    after.freeze([0, 0, 1, 1, 0, 1])
    smaller = compact(model)
    (layer,) = (x for x in smaller.layers if isinstance(x, NonLocal))
    assert layer.theta.kernel.shape == (4, 2)
    assert layer.w.kernel.shape == (2, 3)
    dense = 2 * 15 * 3
    assert count_flops(model) == operations(6, 2, 6) + 6 * dense
    assert count_flops(smaller) == operations(4, 2, 3) + 3 * dense
    np.testing.assert_allclose(smaller(MAPS), model(MAPS), atol=1e-5)
