"""Requests embeddings from a server."""

import pathlib

import numpy as np

from nfs_keras.files import check_bytes
from nfs_keras.modalities import check_modality
from nfs_keras.serving.transports import (
    GRPCTransport,
    RESTTransport,
    Route,
    ServerError,
)
from nfs_keras.serving.warm_up import MODEL_NAME

MAX_MESSAGE_BYTES = 2**25
OVERHEAD_BYTES = 64  # of one image in a message


class Client:
    """Embeds images with a model that runs on a server.

    The server is TF-Serving, or one with the same API. Requests longer than a
    batch or a message are split; a request that failed because the server was
    unavailable or overloaded is sent again.

    Args:
        address: `"host:port"` for gRPC (TF-Serving: 8500), which is faster,
            or `"http://host:port"` for REST (TF-Serving: 8501).
        model_name: The name under which the model is served.
        version: Version of the model to use. Defaults to `None`, the newest.
        timeout: Seconds that one request may take, with all its attempts.
        max_attempts: How often a request is sent, at most 5.
        batch_size: Images in one request.
        max_message_bytes: Bytes of one message; an image that is longer is
            sent alone. Defaults to 32 MiB.
        certificates: Path of a PEM file of the authorities to trust. Defaults
            to `None`, those of the system.
        client_certificate: Pair of paths of PEM files, the certificate and
            the key with which the client identifies itself. Defaults to
            `None`. With this or `certificates`, gRPC is encrypted; REST is
            for an address that begins with `https://`.

    Raises:
        ImportError: If `tensorflow-serving-api` is needed and not installed.
        ValueError: If an argument is out of range, or a certificate cannot be
            used.

    Example:

    ```python
    with Client("localhost:8500") as client:
        embedding, valid = client.embed([open("a.jpg", "rb").read()])
    ```
    """

    def __init__(
        self,
        address,
        model_name=MODEL_NAME,
        version=None,
        timeout=30.0,
        max_attempts=4,
        batch_size=32,
        max_message_bytes=MAX_MESSAGE_BYTES,
        certificates=None,
        client_certificate=None,
    ):
        check_client(timeout, max_attempts, batch_size)
        check_certificates(address, certificates, client_certificate)
        over_http = address.startswith(("http://", "https://"))
        transport = RESTTransport if over_http else GRPCTransport
        self.batch_size = batch_size
        self.max_message_bytes = max_message_bytes
        self._transport = transport(
            Route(
                address,
                model_name,
                version,
                timeout,
                max_attempts,
                certificates,
                client_certificate,
            )
        )

    def embed(self, images, modality="visible"):
        """Embeds image files.

        Args:
            images: Sequence of N `bytes`: JPEG, PNG or BMP files.
            modality: `"visible"` or `"infrared"`.

        Returns:
            Pair of embeddings, `(N, D)` float32, L2-normalised, zero where
            the file is broken, and `valid`, `(N,)` bool. For N = 0, D is 0.

        Raises:
            ServerError: If the server rejects the request or does not answer.
            ValueError: If the images have another type or shape.
        """
        check_modality(modality)
        images = check_bytes(images)
        sizes = [len(image) + OVERHEAD_BYTES for image in images]
        answers = [
            self._transport.predict(modality, {"image_bytes": as_objects(part)})
            for part in self._split(images, sizes)
        ]
        return join(answers, "embedding"), join(answers, "valid")

    def embed_pixels(self, images, modality="visible"):
        """Embeds decoded images of one common size.

        Args:
            images: `(N, height, width, 3)` uint8, RGB.
            modality: `"visible"` or `"infrared"`.

        Returns:
            Embeddings, `(N, D)` float32, L2-normalised. For N = 0, D is 0.

        Raises:
            ServerError: If the server rejects the request or does not answer.
            ValueError: If the images have another type or shape.
        """
        check_modality(modality)
        images = check_pixels(images)
        answers = [
            self._transport.predict(f"{modality}_pixels", {"image": part})
            for part in self._split(images, [image.nbytes for image in images])
        ]
        return join(answers, "embedding")

    def match(self, query, gallery):
        """Compares every query with every gallery embedding.

        Args:
            query: `(Q, D)` float32.
            gallery: `(G, D)` float32. Q x G is at most 2^20.

        Returns:
            Dict of `"similarity"`, `(Q, G)` float32, and, if the model was
            exported with a calibration, `"probability"` of one person.

        Raises:
            ServerError: If the server rejects the request or does not answer.
        """
        inputs = {
            "query": np.asarray(query, "float32")[np.newaxis],
            "gallery": np.asarray(gallery, "float32")[np.newaxis],
        }
        answer = self._transport.predict("match", inputs)
        return {name: value[0] for name, value in answer.items()}

    def model_version(self):
        """Requests the fingerprint of the model on the server.

        Returns:
            String, the same wherever the model is copied, see
            `nfs_keras.scale.model_version`.

        Raises:
            ServerError: If the server does not answer, or the model was not
                exported by `export_saved_model`.
        """
        inputs = {"row": np.zeros(1, "int32")}
        answer = self._transport.predict("model_version", inputs)
        (fingerprint,) = answer["model_version"]
        if isinstance(fingerprint, bytes):
            return fingerprint.decode()
        return fingerprint

    def available_versions(self):
        """Lists the versions that the server has loaded, in order.

        Raises:
            ServerError: If the server does not answer.
        """
        try:
            states = self._transport.versions()
        except ServerError as error:
            if error.status == "NOT_FOUND":
                return []
            raise
        return sorted(v for v, s in states.items() if s == "AVAILABLE")

    def close(self):
        """Closes the connection."""
        self._transport.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def _split(self, images, sizes):
        """Splits a sequence where a batch or a message is full."""
        start, num_bytes = 0, 0
        for stop, size in enumerate(sizes):
            full = num_bytes + size > self.max_message_bytes
            if stop > start and (full or stop - start == self.batch_size):
                yield images[start:stop]
                start, num_bytes = stop, 0
            num_bytes += size
        if start < len(sizes):
            yield images[start:]


def check_client(timeout, max_attempts, batch_size):
    """Raises `ValueError` for arguments out of range."""
    if timeout <= 0 or not 1 <= max_attempts <= 5 or batch_size < 1:
        raise ValueError(
            "A client needs a positive timeout and batch size, and sends a "
            "request 1 to 5 times. "
            f"Received: timeout={timeout}, max_attempts={max_attempts}, "
            f"batch_size={batch_size}. Leave them out to use the defaults."
        )


def check_certificates(address, certificates, client_certificate):
    """Raises `ValueError` for files that are missing or would be ignored."""
    paths = [certificates] if certificates is not None else []
    paths += client_certificate or ()
    missing = [str(x) for x in paths if not pathlib.Path(x).is_file()]
    pair = client_certificate is None or len(client_certificate) == 2
    if missing or not pair or (paths and address.startswith("http://")):
        raise ValueError(
            "Certificates are PEM files, two of a client (certificate, key), "
            "for gRPC or an address that begins with `https://`. "
            f"Received: address={address!r}, certificates={certificates!r}, "
            f"client_certificate={client_certificate!r}, missing={missing}. "
            "Correct the address or the paths."
        )


def check_pixels(images):
    """Makes an array of decoded images, which must be uint8."""
    if not len(images):
        return np.zeros((0, 1, 1, 3), "uint8")
    try:
        images = np.asarray(images)
    except ValueError:  # several sizes
        images = np.array([*images, None], object)[:-1]
    if images.dtype != "uint8" or images.ndim != 4 or images.shape[3] != 3:
        raise ValueError(
            "`images` must be uint8 of shape (N, height, width, 3). "
            f"Received: images.dtype={images.dtype}, shape={images.shape}. "
            "Pass RGB pixels from 0 to 255, or the image files to `embed`."
        )
    return images


def as_objects(strings):
    """Makes an array of byte strings, with their trailing zeros."""
    array = np.empty(len(strings), dtype=object)
    array[:] = strings
    return array


def join(answers, name):
    """Joins an output of all parts of a request."""
    if not answers:
        return np.zeros((0, 0), "float32") if name == "embedding" else NO_ROW
    return np.concatenate([answer[name] for answer in answers])


NO_ROW = np.zeros(0, bool)
