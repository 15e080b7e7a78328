import numpy as np
import pytest
from evaluation_datasets import Sample

from nfs_keras.evaluation import ImageEmbedder

SAMPLES = [
    Sample(str(i), i, 1, modality)
    for i, modality in enumerate(["visible", "infrared", "infrared", "visible"])
]


def load(samples, batch_size=1):
    """Images that hold their number in one corner, in batches of one."""
    for sample in samples:
        image = np.zeros((1, 2, 2, 3))
        image[0, 0, 0] = sample.identity + 1
        yield image


def encode(images):
    """Left and right half, so that a mirror image differs."""
    return images.sum(axis=(1, 3))


def test_each_modality_has_its_encoder_and_order_is_kept():
    embed = ImageEmbedder(
        {"visible": encode, "infrared": lambda x: -encode(x)}, load
    )
    np.testing.assert_array_equal(
        embed(SAMPLES), [[3, 0], [-6, 0], [-9, 0], [12, 0]]
    )


def test_flips_average_unit_embeddings():
    embed = ImageEmbedder({"visible": encode}, load, flip=True)
    np.testing.assert_array_equal(embed(SAMPLES[:1]), [[0.5, 0.5]])


def test_one_modality_alone_is_embedded():
    embed = ImageEmbedder({"visible": encode, "infrared": encode}, load)
    assert embed(SAMPLES[1:3]).shape == (2, 2)


def test_a_missing_encoder_is_named():
    embed = ImageEmbedder({"visible": encode}, load)
    with pytest.raises(ValueError, match="samples of \\['infrared'\\]"):
        embed(SAMPLES)
