from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfs_keras.datasets import IdentitySampler, Sample


def make_samples(num_identities=20, visible=10, infrared=10):
    return [
        Sample(f"{identity}/{modality}/{image}", identity, 1, modality)
        for identity in range(100, 100 + num_identities)
        for modality, count in (("visible", visible), ("infrared", infrared))
        for image in range(count)
    ]


def identities_of(samples, indices):
    return [samples[index].identity for index in indices]


@settings(deadline=None, max_examples=60)
@given(
    num_people=st.integers(1, 20),
    num_identities=st.integers(1, 20),
    images=st.integers(1, 6),
    counts=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    step=st.integers(0, 10**6),
    replacement=st.booleans(),
)
def test_every_batch_holds_p_people_and_k_images_of_both_modalities(
    num_people, num_identities, images, counts, step, replacement
):
    num_identities = min(num_identities, num_people)
    samples = make_samples(num_people, *counts)
    sampler = IdentitySampler(
        samples, num_identities, images, replacement=replacement
    )
    visible, infrared = sampler.batch(step)
    assert visible.dtype == infrared.dtype == np.int32
    assert {samples[i].modality for i in visible} == {"visible"}
    assert {samples[i].modality for i in infrared} == {"infrared"}
    people = identities_of(samples, visible)
    assert people == identities_of(samples, infrared)
    assert set(Counter(people).values()) == {images}
    assert len(set(people)) == num_identities
    assert people == [p for p in people[::images] for _ in range(images)]


@settings(deadline=None, max_examples=40)
@given(
    num_people=st.integers(2, 30),
    num_identities=st.integers(2, 8),
    epoch=st.integers(0, 1000),
)
def test_an_epoch_meets_everyone_once_before_anyone_twice(
    num_people, num_identities, epoch
):
    num_identities = min(num_identities, num_people)
    samples = make_samples(num_people, 1, 1)
    sampler = IdentitySampler(samples, num_identities, 1)
    first = epoch * sampler.num_batches_per_epoch
    people = []
    for step in range(first, first + sampler.num_batches_per_epoch):
        people += identities_of(samples, sampler.batch(step)[0])
    assert len(set(people[:num_people])) == num_people
    assert len(people) - num_people < num_identities


def test_a_batch_depends_on_seed_and_step_alone():
    samples = make_samples()
    walked = IdentitySampler(samples, seed=3)
    batches = [walked.batch(step) for step in range(40)]
    for step in (39, 17, 0):
        resumed = IdentitySampler(samples, seed=3).batch(step)
        np.testing.assert_array_equal(resumed, batches[step])
    other = IdentitySampler(samples, seed=4).batch(0)
    assert not np.array_equal(other, batches[0])


def test_epochs_differ():
    sampler = IdentitySampler(make_samples(8), num_identities=8)
    first, second = sampler.batch(0), sampler.batch(1)
    assert sampler.num_batches_per_epoch == 1
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("count", [1, 3, 4, 9])
def test_images_repeat_only_if_there_are_too_few(count):
    samples = make_samples(visible=count)
    sampler = IdentitySampler(samples, images_per_modality=4)
    for step in range(10):
        sampled = Counter(sampler.batch(step)[0].tolist())
        assert max(sampled.values()) == -(-4 // min(count, 4))
        assert min(sampled.values()) == 4 // min(count, 4)


def test_all_images_get_their_turn():
    samples = make_samples()
    sampler = IdentitySampler(samples)
    sampled = {i for step in range(100) for i in np.ravel(sampler.batch(step))}
    assert sampled == set(range(len(samples)))


def test_replacement_samples_people_anew_in_each_batch():
    samples = make_samples(visible=12)
    sampler = IdentitySampler(samples, num_identities=10, replacement=True)
    # 20 people of 12 visible images, 10 x 4 of them in a batch.
    assert sampler.num_batches_per_epoch == 6
    halves = [set(identities_of(samples, sampler.batch(s)[0])) for s in (0, 1)]
    assert halves[0] & halves[1]
    repeats = [len(set(sampler.batch(s)[0].tolist())) < 40 for s in range(9)]
    assert any(repeats)


def test_too_few_people_raise():
    with pytest.raises(ValueError, match="num_identities=8.*hold 5 people"):
        IdentitySampler(make_samples(5), num_identities=8)


def test_a_person_in_one_modality_only_is_named():
    samples = make_samples() + [Sample("a", 7, 1, "visible")]
    with pytest.raises(ValueError, match=r"without infrared images: \[7\]"):
        IdentitySampler(samples)


@pytest.mark.parametrize("shape", [(0, 4), (8, 0), (-1, 4)])
def test_an_empty_batch_raises(shape):
    with pytest.raises(ValueError, match="at least one person"):
        IdentitySampler(make_samples(), *shape)
