import numpy as np
import pytest
from dataset_trees import write_image

from nfs_keras.datasets import (
    Sample,
    decode_image,
    image_dataset,
    resize_image,
)
from nfs_keras.datasets.image_dataset import read_images
from nfs_keras.datasets.image_faults import BadImage


@pytest.fixture
def samples(tmp_path):
    suffixes = (".bmp", ".png", ".jpg")
    files = [tmp_path / f"{i}{suffixes[i % 3]}" for i in range(7)]
    for seed, file in enumerate(files):
        write_image(file, seed, shape=(20 + seed, 10))
    return [Sample(str(file), 0, 1, "visible") for file in files]


def test_images_come_in_order_and_the_last_batch_may_be_smaller(samples):
    batches = list(image_dataset(samples, (24, 12, 3), batch_size=3))
    assert [len(batch) for batch in batches] == [3, 3, 1]
    images = np.concatenate(batches)
    assert images.dtype == np.float32
    for sample, image in zip(samples, images, strict=True):
        with open(sample.path, "rb") as file:
            expected = resize_image(decode_image(file.read()), (24, 12))
        np.testing.assert_array_equal(image, expected)


def test_images_in_memory_are_those_read_in_order(samples):
    images = read_images(samples, (24, 12, 3))
    (batch,) = image_dataset(samples, (24, 12, 3))
    assert images.dtype == "uint8" and "CPU" in images.device
    np.testing.assert_array_equal(images, batch)


def test_a_bad_file_is_named_before_anything_is_decoded(samples, tmp_path):
    (tmp_path / "5.jpg").write_bytes(b"")
    with pytest.raises(BadImage, match="5.jpg', which is empty"):
        image_dataset(samples, (24, 12, 3))


def test_an_incomplete_file_is_named(samples, tmp_path):
    file = tmp_path / "4.png"
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(BadImage, match="4.png', which is damaged"):
        read_images(samples, (24, 12, 3))
