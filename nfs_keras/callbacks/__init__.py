"""Callbacks of training and search."""

from nfs_keras.callbacks.chance_warning import ChanceWarning as ChanceWarning
from nfs_keras.callbacks.gate_history import GateHistory as GateHistory
from nfs_keras.callbacks.history_log import HistoryLog as HistoryLog
from nfs_keras.callbacks.progress_lines import ProgressLines as ProgressLines
from nfs_keras.callbacks.retrieval_evaluation import (
    RetrievalEvaluation as RetrievalEvaluation,
)
from nfs_keras.callbacks.search_phases import SearchPhases as SearchPhases
from nfs_keras.callbacks.temperature_annealing import (
    TemperatureAnnealing as TemperatureAnnealing,
)
from nfs_keras.callbacks.training_checkpoint import (
    TrainingCheckpoint as TrainingCheckpoint,
)
