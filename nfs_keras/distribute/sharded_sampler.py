"""One replica's part of each global batch."""


class ShardedSampler:
    """Samples one replica's part of each batch of a sampler.

    All replicas sample the same global batch, which is a function of the seed
    and the step, and each takes its own people from it: nothing is exchanged,
    no image is decoded twice, and with P people per batch and R replicas each
    has P / R people with K images per modality.

    Args:
        sampler: An `IdentitySampler` of the global batch.
        shard: Int in [0, `num_shards`).
        num_shards: Int R that divides the sampler's `num_identities`.

    Raises:
        ValueError: If the people cannot be divided evenly.
    """

    def __init__(self, sampler, shard, num_shards):
        check_shares(sampler.num_identities, num_shards)
        self.sampler = sampler
        self.shard = shard
        self.num_shards = num_shards
        self.num_batches_per_epoch = sampler.num_batches_per_epoch

    def batch(self, step):
        """Samples this replica's visible and infrared indices of a step."""
        visible, infrared = self.sampler.batch(step)
        size = len(visible) // self.num_shards
        part = slice(self.shard * size, (self.shard + 1) * size)
        return visible[part], infrared[part]


def check_shares(num_identities, num_shards):
    """Raises `ValueError` if the people cannot be divided evenly."""
    if num_identities % num_shards:
        raise ValueError(
            "The people of a batch must be divided evenly over replicas. "
            f"Received: num_identities={num_identities}, "
            f"num_shards={num_shards}. "
            "Make `num_identities` a multiple of the number of replicas."
        )
