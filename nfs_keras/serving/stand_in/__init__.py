"""A small server that answers like TF-Serving, for machines without it.

It is for tests, and for people without docker: the same messages over gRPC
(`PredictionService`, `ModelService`) and REST (`:predict`, status, metadata),
requests of several clients joined into one batch, model versions loaded from
their folder and swapped without dropping a request. It rejects the same
requests as TF-Serving with the exported configuration. It is not TF-Serving:
it has one model, no TLS, no monitoring and no labels, and Python handles every
request. Use TF-Serving in production.
"""

from nfs_keras.serving.stand_in.servable import Batching as Batching
from nfs_keras.serving.stand_in.stand_in_server import (
    StandInServer as StandInServer,
)
