"""A small server that answers as TF-Serving does, for where there is none.

It is for tests, and for people without docker: the same messages over gRPC
(`PredictionService`, `ModelService`) and REST (`:predict`, status, metadata),
requests of several clients joined into one batch, model versions picked up
from their folder and swapped without dropping a request. It refuses what
TF-Serving refuses in the configuration that is exported with a model. It is a
stand-in and not TF-Serving: one model, no TLS, no monitoring, no labels, and
Python between the wire and TensorFlow. Put TF-Serving into production.
"""

from nfs_keras.serving.stand_in.servable import Batching as Batching
from nfs_keras.serving.stand_in.stand_in_server import (
    StandInServer as StandInServer,
)
