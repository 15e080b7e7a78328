"""Exports a trained network for TF-Serving, and sends images to a server.

`export_saved_model` writes a SavedModel for TF-Serving that maps image files
to embeddings. Decoding, resizing and normalisation are part of it, by the same
functions as in training, so that every client embeds images in the same way.
`Client` sends requests to a server. `StandInServer` answers like TF-Serving,
for tests and for machines without docker.
"""

from nfs_keras.serving.client import Client as Client
from nfs_keras.serving.export_saved_model import (
    export_saved_model as export_saved_model,
)
from nfs_keras.serving.manifest import verify_manifest as verify_manifest
from nfs_keras.serving.match_probability import (
    MatchProbability as MatchProbability,
)
from nfs_keras.serving.match_probability import (
    fit_match_probability as fit_match_probability,
)
from nfs_keras.serving.portable_formats import export_litert as export_litert
from nfs_keras.serving.portable_formats import export_onnx as export_onnx
from nfs_keras.serving.remote_embedder import RemoteEmbedder as RemoteEmbedder
from nfs_keras.serving.stand_in import Batching as Batching
from nfs_keras.serving.stand_in import StandInServer as StandInServer
from nfs_keras.serving.transports import ServerError as ServerError
