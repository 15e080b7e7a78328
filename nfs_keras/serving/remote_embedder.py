"""An embedder whose model runs on a server."""

import base64

import numpy as np

from nfs_keras.serving.client import Client, check_modality
from nfs_keras.serving.deployment_files import PICTURE
from nfs_keras.serving.server_error import ServerError
from nfs_keras.serving.warm_up import MODEL_NAME


class RemoteEmbedder:
    """Embeds pictures by a server, where a local SavedModel could stand.

    Has what `nfs_keras.scale.Embedder` has, so that the same engines run with
    it. The version that the server has loaded first is asked for from then on:
    a swap in the middle of a job cannot mix the embeddings of two models. An
    instance can be pickled; each process connects when it first embeds.

    Args:
        address: See `Client`.
        modality: `"visible"` or `"infrared"`. Which endpoint to ask.
        model_name: The name under which the model is served.

    Attributes:
        model_version: String, such as `"nfs_reid/3"`.
        dim: Int. Length D of an embedding.

    Raises:
        ServerError: When used, if the server has no version loaded or does
            not answer.
        ValueError: If the modality is unknown.
    """

    def __init__(self, address, modality, model_name=MODEL_NAME):
        check_modality(modality)
        self.address = address
        self.modality = modality
        self.model_name = model_name
        self.version = None
        self._client = None

    def embed(self, images):
        """Embeds B encoded images: ((B, D) float32, (B,) bool `valid`)."""
        if not len(images):
            return np.zeros((0, self.dim), "float32"), np.zeros(0, bool)
        return self._connected().embed(images, self.modality)

    @property
    def dim(self):
        picture = base64.b64decode(PICTURE)
        embedding, _ = self._connected().embed([picture], self.modality)
        return embedding.shape[1]

    @property
    def model_version(self):
        self._connected()
        return f"{self.model_name}/{self.version}"

    def _connected(self):
        if self._client is None:
            if self.version is None:
                self.version = self._newest_version()
            self._client = Client(
                self.address, self.model_name, version=self.version
            )
        return self._client

    def _newest_version(self):
        with Client(self.address, self.model_name) as client:
            versions = client.available_versions()
        if not versions:
            message = f"no version of {self.model_name!r} is available"
            raise ServerError(self.address, "NOT_FOUND", message)
        return versions[-1]

    def __getstate__(self):
        return {**self.__dict__, "_client": None}
