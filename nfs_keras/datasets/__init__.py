from nfs_keras.datasets.augmentation import Augmentation as Augmentation
from nfs_keras.datasets.identity_sampler import (
    IdentitySampler as IdentitySampler,
)
from nfs_keras.datasets.images import decode_image as decode_image
from nfs_keras.datasets.images import resize_image as resize_image
from nfs_keras.datasets.regdb import RegDB as RegDB
from nfs_keras.datasets.sample import Sample as Sample
from nfs_keras.datasets.sample import identity_labels as identity_labels
from nfs_keras.datasets.splits import split_by_identity as split_by_identity
from nfs_keras.datasets.splits import split_by_image as split_by_image
from nfs_keras.datasets.training_dataset import image_dataset as image_dataset
from nfs_keras.datasets.training_dataset import (
    training_dataset as training_dataset,
)
