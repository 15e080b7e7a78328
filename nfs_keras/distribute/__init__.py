"""Training on the GPUs of one host or of several.

A `tf.distribute.Strategy` places the replicas, Keras' `fit` or the loop of
`train_on_strategy` trains them: a step is that of one device on the global
batch.
"""

from nfs_keras.distribute.global_batch_objective import (
    GlobalBatchObjective as GlobalBatchObjective,
)
from nfs_keras.distribute.sharded_sampler import (
    ShardedSampler as ShardedSampler,
)
from nfs_keras.distribute.strategies import make_strategy as make_strategy
from nfs_keras.distribute.strategies import (
    synchronize_batch_norm as synchronize_batch_norm,
)
from nfs_keras.distribute.train_on_strategy import (
    train_on_strategy as train_on_strategy,
)
