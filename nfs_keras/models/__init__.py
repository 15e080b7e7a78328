"""The network, its search, and what the search found."""

from nfs_keras.models.reid_network import ReIDNetwork as ReIDNetwork
from nfs_keras.models.reid_network import reid_network as reid_network
