"""The network, its search, and what the search found."""

from nfs_keras.models.architecture import Architecture as Architecture
from nfs_keras.models.compact import compact as compact
from nfs_keras.models.cost import count_flops as count_flops
from nfs_keras.models.diagnosis import diagnose as diagnose
from nfs_keras.models.diagnosis import discretisation_gap as discretisation_gap
from nfs_keras.models.import_weights import import_weights as import_weights
from nfs_keras.models.objective import Objective as Objective
from nfs_keras.models.reid_network import ReIDNetwork as ReIDNetwork
from nfs_keras.models.reid_network import reid_network as reid_network
from nfs_keras.models.search_model import SearchModel as SearchModel
from nfs_keras.models.training_model import TrainingModel as TrainingModel
