"""Losses that compare the embeddings of a batch with each other.

Cross-entropy trains a network to classify the training people; the losses
here train the distances by which new people are found. Each is a
`keras.losses.Loss`, used in plain `compile` and `fit`; `y_true` holds
identities, `y_pred` embeddings, and the pairs and triplets are formed inside
the batch. So a batch must hold several images of several identities, which
`IdentitySampler` provides. A batch, or a row, with nothing to compare has
loss 0, never NaN.

`CrossModalityContrastive` must also know which modality a row has:
`np.stack([identities, modality], axis=1)` is its `y_true`.

`TripletHardLoss`, `TripletSemiHardLoss` and `ContrastiveLoss` have the names,
arguments and results of tensorflow-addons, which is no longer maintained.
"""

from nfs_keras.losses.batch_hard_triplet import (
    BatchHardTriplet as BatchHardTriplet,
)
from nfs_keras.losses.contrastive_loss import (
    ContrastiveLoss as ContrastiveLoss,
)
from nfs_keras.losses.cross_modality_contrastive import (
    CrossModalityContrastive as CrossModalityContrastive,
)
from nfs_keras.losses.cross_modality_contrastive import (
    cross_modality_contrastive as cross_modality_contrastive,
)
from nfs_keras.losses.triplet_hard_loss import (
    TripletHardLoss as TripletHardLoss,
)
from nfs_keras.losses.triplet_semi_hard_loss import (
    TripletSemiHardLoss as TripletSemiHardLoss,
)
from nfs_keras.losses.weighted_regularized_triplet import (
    WeightedRegularizedTriplet as WeightedRegularizedTriplet,
)
