"""Retrieval evaluation: the field's protocols, exact, fast, memory-bounded."""

from nfs_keras.evaluation.measure import (
    metrics_from_similarity as metrics_from_similarity,
)
from nfs_keras.evaluation.measure import retrieval_metrics as retrieval_metrics
from nfs_keras.evaluation.metrics import PerQuery as PerQuery
from nfs_keras.evaluation.metrics import RetrievalMetrics as RetrievalMetrics
from nfs_keras.evaluation.protocol import LLCM as LLCM
from nfs_keras.evaluation.protocol import REGDB as REGDB
from nfs_keras.evaluation.protocol import SYSU_ALL_SEARCH as SYSU_ALL_SEARCH
from nfs_keras.evaluation.protocol import (
    SYSU_INDOOR_SEARCH as SYSU_INDOOR_SEARCH,
)
from nfs_keras.evaluation.protocol import Cameras as Cameras
from nfs_keras.evaluation.protocol import Protocol as Protocol
from nfs_keras.evaluation.regdb import evaluate_regdb as evaluate_regdb
