from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from dataset_trees import make_regdb

from nfs_keras.datasets import (
    Augmentation,
    IdentitySampler,
    RegDB,
    identity_labels,
    image_dataset,
    training_dataset,
)
from nfs_keras.datasets.image_faults import BadImage

SHAPE = (24, 12, 3)
ALL = Augmentation(4, 0.5, 0.5, 0.5)


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    root = make_regdb(tmp_path_factory.mktemp("data") / "RegDB", 12, 5)
    return RegDB(root).train


@pytest.fixture(scope="module")
def sampler(samples):
    return IdentitySampler(samples, num_identities=4, images_per_modality=2)


def batches(samples, sampler, augmentation=ALL, **options):
    dataset = training_dataset(samples, sampler, SHAPE, augmentation, **options)
    return list(dataset.as_numpy_iterator())


def assert_equal(first, second):
    tf.nest.map_structure(np.testing.assert_array_equal, first, second)


def test_the_structure_is_what_the_trainer_expects(samples, sampler):
    dataset = training_dataset(samples, sampler, SHAPE, ALL)
    images = tf.TensorSpec((8, *SHAPE), tf.float32)
    labels = tf.TensorSpec((8,), tf.int32)
    assert dataset.element_spec == (
        {"visible": images, "infrared": images},
        {"visible": labels, "infrared": labels},
    )
    assert len(dataset) == sampler.num_batches_per_epoch == 2


def test_without_augmentation_the_sampled_images_come_out(samples, sampler):
    (whole,) = image_dataset(samples, SHAPE)
    labels = identity_labels(samples)
    data = batches(samples, sampler, None, first_step=3, num_steps=4)
    for step, (images, targets) in enumerate(data, start=3):
        indices = sampler.batch(step)
        for modality, column in zip(images, indices, strict=True):
            expected = whole.numpy()[column]
            np.testing.assert_array_equal(images[modality], expected)
            expected = [labels[samples[i].identity] for i in column]
            np.testing.assert_array_equal(targets[modality], expected)


def test_an_element_depends_on_seed_and_step_alone(samples, sampler):
    whole = batches(samples, sampler, seed=5, num_steps=7, cache_bytes=0)
    for first_step, cache_bytes in ((0, 2**30), (3, 2**30), (6, 0)):
        resumed = batches(
            samples,
            sampler,
            seed=5,
            first_step=first_step,
            num_steps=7 - first_step,
            cache_bytes=cache_bytes,
        )
        assert_equal(resumed, whole[first_step:])


def test_another_seed_augments_the_same_images_otherwise(samples, sampler):
    (first,) = batches(samples, sampler, seed=0, num_steps=1)
    (second,) = batches(samples, sampler, seed=1, num_steps=1)
    assert_equal(first[1], second[1])
    for modality in ("visible", "infrared"):
        assert not np.array_equal(first[0][modality], second[0][modality])


def test_every_image_of_a_run_is_augmented_by_a_seed_of_its_own(
    samples, sampler
):
    def show_seed(image, seed, modality):
        # The third value is 0 or 1: exact in uint8 as in float32.
        values = [seed[1] % 256, seed[1] // 256, modality == "visible"]
        return tf.zeros_like(image) + tf.cast(tf.stack(values), tf.uint8)

    seeds = []
    for images, _ in batches(samples, sampler, show_seed, num_steps=20):
        for modality in ("visible", "infrared"):
            low, high, visible = images[modality][:, 0, 0].T
            seeds += list(low + 256 * high)
            assert set(visible) == {float(modality == "visible")}
    assert len(set(seeds)) == len(seeds) == 20 * 2 * 8


def test_labels_of_the_whole_training_set_may_be_given(samples, sampler):
    labels = {identity: identity + 100 for identity in identity_labels(samples)}
    (batch,) = batches(samples, sampler, labels=labels, num_steps=1)
    people = [samples[i].identity for i in sampler.batch(0)[0]]
    expected = [person + 100 for person in people]
    np.testing.assert_array_equal(batch[1]["visible"], expected)


def test_an_identity_without_a_label_is_named(samples, sampler):
    person = samples[0].identity
    labels = identity_labels(s for s in samples if s.identity != person)
    with pytest.raises(ValueError, match=rf"identities=\[{person}\]"):
        training_dataset(samples, sampler, SHAPE, labels=labels)


@pytest.mark.parametrize("cache_bytes", [0, 2**30])
def test_a_damaged_image_is_named_before_training_starts(tmp_path, cache_bytes):
    samples = RegDB(make_regdb(tmp_path / "RegDB", 4, 2)).train
    sampler = IdentitySampler(samples, 2, 2)
    damaged = Path(samples[5].path)
    damaged.write_bytes(damaged.read_bytes()[:200])
    with pytest.raises(BadImage, match="damaged or incomplete"):
        training_dataset(samples, sampler, SHAPE, cache_bytes=cache_bytes)


def test_no_thread_tunes_it(samples, sampler):
    """Who drops an iterator would wait for the thread, for up to a minute."""
    for dataset in (
        training_dataset(samples, sampler, SHAPE),
        image_dataset(samples, SHAPE),
    ):
        assert dataset.options().autotune.enabled is False


def test_the_pipeline_holds_no_python(samples, sampler):
    dataset = training_dataset(samples, sampler, SHAPE, ALL, cache_bytes=0)
    graph = dataset._as_serialized_graph().numpy()
    assert b"DecodeImage" in graph
    assert b"PyFunc" not in graph and b"GeneratorDataset" not in graph
