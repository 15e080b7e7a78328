"""Images of people, from a folder on disk to batches for a network.

A *sample* is one image: its file, who is seen, by which camera, in which
modality. A *reader* lists the samples of a dataset without opening an image,
and holds the dataset's protocol, its published counts and the people to
calibrate on. A *sampler* chooses the samples of a step, as indices into such a
list. The *pipeline* turns them into pixels with TensorFlow operations alone,
and checks every file before training starts.

Random choices depend on a seed and on a step number, never on earlier steps:
any step of any run can be repeated alone.
"""

from nfs_keras.datasets.augmentation import Augmentation as Augmentation
from nfs_keras.datasets.check_dataset import check_dataset as check_dataset
from nfs_keras.datasets.facts import check_unseen as check_unseen
from nfs_keras.datasets.facts import fingerprint as fingerprint
from nfs_keras.datasets.facts import split_as_trained as split_as_trained
from nfs_keras.datasets.facts import statistics as statistics
from nfs_keras.datasets.facts import trained_people as trained_people
from nfs_keras.datasets.folder_dataset import FolderDataset as FolderDataset
from nfs_keras.datasets.identity_sampler import (
    IdentitySampler as IdentitySampler,
)
from nfs_keras.datasets.image_dataset import image_dataset as image_dataset
from nfs_keras.datasets.images import decode_image as decode_image
from nfs_keras.datasets.images import resize_image as resize_image
from nfs_keras.datasets.llcm import LLCM as LLCM
from nfs_keras.datasets.open_dataset import open_dataset as open_dataset
from nfs_keras.datasets.reader import Reader as Reader
from nfs_keras.datasets.regdb import RegDB as RegDB
from nfs_keras.datasets.sample import Sample as Sample
from nfs_keras.datasets.sample import identity_labels as identity_labels
from nfs_keras.datasets.splits import split_by_identity as split_by_identity
from nfs_keras.datasets.splits import split_by_image as split_by_image
from nfs_keras.datasets.sysu_mm01 import SYSUMM01 as SYSUMM01
from nfs_keras.datasets.training_dataset import (
    training_dataset as training_dataset,
)
from nfs_keras.synthetic import synthesize_llcm as synthesize_llcm
from nfs_keras.synthetic import synthesize_people as synthesize_people
from nfs_keras.synthetic import synthesize_regdb as synthesize_regdb
from nfs_keras.synthetic import (
    synthesize_sysu_mm01 as synthesize_sysu_mm01,
)
