"""Retrieval evaluation by the published protocols, exact and memory-bounded."""

from nfs_keras.evaluation.calibration import Calibration as Calibration
from nfs_keras.evaluation.calibration import OperatingPoint as OperatingPoint
from nfs_keras.evaluation.calibration import calibrate as calibrate
from nfs_keras.evaluation.calibration import (
    calibrate_searches as calibrate_searches,
)
from nfs_keras.evaluation.calibration import labelled_pairs as labelled_pairs
from nfs_keras.evaluation.confidence import (
    confidence_intervals as confidence_intervals,
)
from nfs_keras.evaluation.evaluate import evaluate as evaluate
from nfs_keras.evaluation.evaluate import evaluate_llcm as evaluate_llcm
from nfs_keras.evaluation.evaluate import evaluate_regdb as evaluate_regdb
from nfs_keras.evaluation.evaluate import (
    evaluate_sysu_mm01 as evaluate_sysu_mm01,
)
from nfs_keras.evaluation.evaluation_table import EvaluationRow as EvaluationRow
from nfs_keras.evaluation.evaluation_table import (
    EvaluationTable as EvaluationTable,
)
from nfs_keras.evaluation.image_embedder import ImageEmbedder as ImageEmbedder
from nfs_keras.evaluation.nearest import top_k as top_k
from nfs_keras.evaluation.protocol import LLCM as LLCM
from nfs_keras.evaluation.protocol import REGDB as REGDB
from nfs_keras.evaluation.protocol import SYSU_ALL_SEARCH as SYSU_ALL_SEARCH
from nfs_keras.evaluation.protocol import (
    SYSU_INDOOR_SEARCH as SYSU_INDOOR_SEARCH,
)
from nfs_keras.evaluation.protocol import Cameras as Cameras
from nfs_keras.evaluation.protocol import Protocol as Protocol
from nfs_keras.evaluation.reranking import rerank as rerank
from nfs_keras.evaluation.retrieval_metrics import PerQuery as PerQuery
from nfs_keras.evaluation.retrieval_metrics import (
    RetrievalMetrics as RetrievalMetrics,
)
from nfs_keras.evaluation.retrieval_metrics import (
    metrics_from_similarity as metrics_from_similarity,
)
from nfs_keras.evaluation.retrieval_metrics import (
    retrieval_metrics as retrieval_metrics,
)
from nfs_keras.evaluation.search import Search as Search
from nfs_keras.evaluation.search import check_protocol as check_protocol
