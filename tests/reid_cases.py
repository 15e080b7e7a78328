"""A shallow two-stream network, with residual blocks of each kind."""

import keras
from search_cases import IMAGE_SHAPE, NUM_IDENTITIES, shallow_backbone

from nfs_keras.models import reid_network


def two_stages(
    search="dual",
    bottleneck=False,
    non_local=False,
    num_identities=NUM_IDENTITIES,
    **options,
):
    """A network of two residual stages: one block, then two of stride 2.

    Bottlenecks have the stride in their first convolution; the second stage
    may have non-local blocks.
    """
    block = {"bottleneck": bottleneck, "stride_first": bottleneck}
    first = {**block, "filters": 8, "inner": 6, "project": True}
    second = {**block, "filters": 12, "inner": 4}
    stages = [first], [{**second, "stride": 2, "project": True}, second]
    backbone = shallow_backbone(*stages, non_local=non_local)
    keras.utils.set_random_seed(0)
    return reid_network(
        backbone, IMAGE_SHAPE, num_identities, search, **options
    )
