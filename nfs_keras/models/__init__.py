"""The network, its search, and what the search found."""

from nfs_keras.models.objective import Objective as Objective
from nfs_keras.models.reid_network import ReIDNetwork as ReIDNetwork
from nfs_keras.models.reid_network import reid_network as reid_network
from nfs_keras.models.search_model import SearchModel as SearchModel
from nfs_keras.models.training_model import TrainingModel as TrainingModel
