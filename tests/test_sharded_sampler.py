import numpy as np
import pytest

from nfs_keras.datasets import IdentitySampler
from nfs_keras.datasets.sample import Sample
from nfs_keras.distribute import ShardedSampler

SAMPLES = [
    Sample(f"{modality}/{identity}/{number}.png", identity, 1, modality)
    for identity in range(12)
    for modality in ("visible", "infrared")
    for number in range(3)
]


@pytest.fixture
def sampler():
    return IdentitySampler(SAMPLES, num_identities=6, images_per_modality=2)


@pytest.mark.parametrize("num_shards", [1, 2, 3, 6])
def test_the_shards_of_a_step_join_to_the_global_batch(sampler, num_shards):
    shards = [
        ShardedSampler(sampler, shard, num_shards)
        for shard in range(num_shards)
    ]
    for step in range(5):
        parts = [shard.batch(step) for shard in shards]
        joined = [np.concatenate(half) for half in zip(*parts, strict=True)]
        np.testing.assert_array_equal(joined, sampler.batch(step))


def test_each_shard_has_its_own_people_in_both_modalities(sampler):
    halves = [ShardedSampler(sampler, shard, 2).batch(0) for shard in (0, 1)]
    people = [
        [{SAMPLES[index].identity for index in half} for half in shard]
        for shard in halves
    ]
    for visible, infrared in people:
        assert visible == infrared and len(visible) == 3
    assert not people[0][0] & people[1][0]


def test_an_epoch_is_as_long_as_the_samplers(sampler):
    shard = ShardedSampler(sampler, 0, 2)
    assert shard.num_batches_per_epoch == sampler.num_batches_per_epoch


def test_people_that_cannot_be_shared_out_raise(sampler):
    with pytest.raises(ValueError, match="num_identities=6, num_shards=4"):
        ShardedSampler(sampler, 0, 4)
