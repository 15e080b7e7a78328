from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nfs_keras.datasets import Sample, split_by_identity, split_by_image

SPLITS = [split_by_identity, split_by_image]


def make_samples(num_identities=10, images=5):
    return [
        Sample(f"{identity}/{modality}/{image}", identity, 1, modality)
        for identity in range(num_identities)
        for modality in ("visible", "infrared")
        for image in range(images)
    ]


@pytest.mark.parametrize("split", SPLITS)
@settings(deadline=None, max_examples=40)
@given(
    num_identities=st.integers(2, 15),
    images=st.integers(2, 6),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32),
)
def test_the_halves_are_disjoint_and_complete_and_keep_the_order(
    split, num_identities, images, fraction, seed
):
    samples = make_samples(num_identities, images)
    train, proxy = split(samples, fraction, seed)
    assert train and proxy and not set(train) & set(proxy)
    assert sorted(train + proxy) == sorted(samples)
    position = {sample: index for index, sample in enumerate(samples)}
    for half in (train, proxy):
        places = [position[sample] for sample in half]
        assert places == sorted(places)


def test_by_identity_no_person_is_in_both_halves():
    train, proxy = split_by_identity(make_samples(10), 0.3)
    people = [{s.identity for s in half} for half in (train, proxy)]
    assert not people[0] & people[1]
    assert [len(half) for half in people] == [7, 3]


def test_by_image_everybody_is_in_both_halves_in_both_modalities():
    train, proxy = split_by_image(make_samples(10, images=5), 0.2)
    for half, count in ((train, 4), (proxy, 1)):
        groups = Counter((s.identity, s.modality) for s in half)
        assert len(groups) == 20 and set(groups.values()) == {count}


@pytest.mark.parametrize("split", SPLITS)
def test_the_seed_chooses(split):
    samples = make_samples()
    assert split(samples, seed=1) == split(samples, seed=1)
    assert len({tuple(split(samples, seed=s)[1]) for s in range(5)}) > 1


@pytest.mark.parametrize("split", SPLITS)
def test_the_order_of_the_samples_does_not_choose(split):
    samples = make_samples()
    forward, backward = split(samples), split(samples[::-1])
    assert [sorted(half) for half in forward] == [
        sorted(half) for half in backward
    ]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("fraction", [0.0, 1.0, 1.5])
def test_an_empty_half_raises(split, fraction):
    with pytest.raises(ValueError, match=f"proxy_fraction={fraction}"):
        split(make_samples(), fraction)


def test_a_person_with_a_single_image_cannot_be_in_both_halves():
    with pytest.raises(ValueError, match="1 infrared images of identity 0"):
        split_by_image(make_samples(images=1))


def test_one_person_cannot_be_in_two_halves():
    with pytest.raises(ValueError, match="1 people"):
        split_by_identity(make_samples(1))
