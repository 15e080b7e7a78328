"""An embedder with a model that runs on a server."""

import base64

import numpy as np

from nfs_keras.modalities import check_modality
from nfs_keras.serving.client import Client
from nfs_keras.serving.deployment_files import IMAGE
from nfs_keras.serving.transports import ServerError
from nfs_keras.serving.warm_up import MODEL_NAME


class RemoteEmbedder:
    """Embeds images by a server instead of a local SavedModel.

    It has the methods of `nfs_keras.scale.Embedder`, so that the same engines
    run with it. It continues to use the first version that it finds: a swap of
    versions during a run cannot mix the embeddings of two models. An instance
    can be pickled; each process connects when it first embeds, and checks that
    the server still has the same model.

    Args:
        address: See `Client`.
        modality: `"visible"` or `"infrared"`. Which endpoint to use.
        model_name: The name under which the model is served.
        version: Int. Version to use, such as that of a run to resume.
            Defaults to `None`, the newest.
        **options: Other arguments of `Client`, such as `certificates`.

    Attributes:
        model_version: String. Fingerprint of the model, the same as
            `nfs_keras.scale.model_version` of a copy of it.
        dim: Int. Length D of an embedding.

    Raises:
        ServerError: When used, if the server has no version loaded, does not
            answer, or has another model under the same version.
        ValueError: If the modality is unknown.
    """

    def __init__(
        self, address, modality, model_name=MODEL_NAME, version=None, **options
    ):
        check_modality(modality)
        self.address = address
        self.modality = modality
        self.model_name = model_name
        self.options = options
        self.version = version
        self._model_version = None
        self._client = None

    def embed(self, images):
        """Embeds B encoded images: ((B, D) float32, (B,) bool `valid`)."""
        if not len(images):
            return np.zeros((0, self.dim), "float32"), np.zeros(0, bool)
        return self._connected().embed(images, self.modality)

    @property
    def dim(self):
        image = base64.b64decode(IMAGE)
        embedding, _ = self._connected().embed([image], self.modality)
        return embedding.shape[1]

    @property
    def model_version(self):
        self._connected()
        return self._model_version

    def _connected(self):
        if self._client is None:
            if self.version is None:
                self.version = self._newest_version()
            client = self._connect(self.version)
            found = client.model_version()
            if found != (self._model_version or found):
                raise ServerError(
                    self.address,
                    "FAILED_PRECONDITION",
                    f"version {self.version} was {self._model_version} and "
                    f"is {found} now",
                )
            self._client, self._model_version = client, found
        return self._client

    def _connect(self, version=None):
        return Client(
            self.address, self.model_name, version=version, **self.options
        )

    def _newest_version(self):
        with self._connect() as client:
            versions = client.available_versions()
        if not versions:
            message = f"no version of {self.model_name!r} is available"
            raise ServerError(self.address, "NOT_FOUND", message)
        return versions[-1]

    def __getstate__(self):
        return {**self.__dict__, "_client": None}
