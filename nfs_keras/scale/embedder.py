"""The object that every engine runs: from image files to embeddings."""

import contextlib
import hashlib
import pathlib
import threading

import numpy as np

from nfs_keras.files import check_bytes
from nfs_keras.modalities import check_modality


class Embedder:
    """Embeds encoded images with an exported SavedModel.

    Inputs and outputs are NumPy arrays. It can be pickled, because an instance
    holds only a few strings. Each process loads the model when it first
    embeds, so the same object runs in the local engine, as a Ray Data actor,
    in Spark's `predict_batch_udf` and in a Beam `DoFn`. It requires
    TensorFlow, but not the network's Python code.

    Args:
        saved_model: Path of the directory that holds `saved_model.pb`, as
            `nfs_keras.serving.export_saved_model` writes it.
        modality: `"visible"` or `"infrared"`. Which endpoint to call.
        column: Name of the column of encoded images in a dict batch.
            Defaults to `"image_bytes"`; with Ray Data's `read_binary_files`
            it is `"bytes"`.

    Call arguments:
        batch: A sequence of B `bytes` (JPEG, PNG or BMP files), or a dict of
            NumPy arrays of length B with `column` among them.

    Returns:
        For a sequence, float32 embeddings (B, D), L2-normalised, zero where
        an image is broken. For a dict, the same dict without `column` and
        with `"embedding"` (B, D) float32 and `"valid"` (B,) bool.

    Raises:
        ValueError: If there is no SavedModel, the modality is unknown or the
            model has no such endpoint, a dict batch has no `column`, an image
            is no `bytes`.

    Example:

    ```python
    embedder = Embedder("saved_model/1", "infrared")
    embedding = embedder([open("person.png", "rb").read()])  # (1, D)
    dataset = ray.data.read_binary_files("images").map_batches(
        Embedder,
        fn_constructor_args=("saved_model/1", "infrared", "bytes"),
        concurrency=2,
    )
    ```
    """

    def __init__(self, saved_model, modality, column="image_bytes"):
        check_modality(modality)
        # A worker of Ray has another working directory.
        self.saved_model = str(check_saved_model(saved_model).absolute())
        self.modality = modality
        self.column = column
        self._model = None
        self._model_version = None
        self._lock = threading.Lock()

    def __call__(self, batch):
        if not isinstance(batch, dict):
            return self.embed(batch)[0]
        if self.column not in batch:
            raise ValueError(
                f"A dict batch needs the column {self.column!r}. "
                f"Received: columns={sorted(batch)}. "
                "Name the column of encoded images in `Embedder(column=...)`."
            )
        embedding, valid = self.embed(batch[self.column])
        rest = {k: v for k, v in batch.items() if k != self.column}
        return {**rest, "embedding": embedding, "valid": valid}

    def embed(self, images):
        """Embeds B encoded images: ((B, D) float32, (B,) bool `valid`)."""
        images = check_bytes(images)
        if not images:
            return np.zeros((0, self.dim), "float32"), np.zeros(0, bool)
        import tensorflow as tf

        outputs = self._endpoint(image_bytes=tf.constant(images))
        return outputs["embedding"].numpy(), outputs["valid"].numpy()

    @property
    def dim(self):
        """Int. Length D of an embedding."""
        return self._endpoint.structured_outputs["embedding"].shape[-1]

    @property
    def model_version(self):
        """String. Fingerprint of the model, see `model_version`."""
        if self._model_version is None:
            signatures = self._load().signatures
            self._model_version = read_version(self.saved_model, signatures)
        return self._model_version

    def _load(self):
        with self._lock:  # several threads embed at once
            if self._model is None:
                # Heavy, and must happen in the process that embeds.
                import tensorflow as tf

                for gpu in tf.config.list_physical_devices("GPU"):
                    # The processes of a machine share it. An error: in use.
                    with contextlib.suppress(RuntimeError):
                        tf.config.experimental.set_memory_growth(gpu, True)
                self._model = tf.saved_model.load(self.saved_model)
        return self._model

    @property
    def _endpoint(self):
        self._load()
        if self.modality not in self._model.signatures:
            raise ValueError(
                f"The SavedModel has no endpoint {self.modality!r}. "
                f"Received: signatures={sorted(self._model.signatures)}. "
                "Export it with `nfs_keras.serving.export_saved_model`."
            )
        return self._model.signatures[self.modality]

    def __getstate__(self):
        return {**self.__dict__, "_model": None, "_lock": None}

    def __setstate__(self, state):
        self.__dict__.update(state, _lock=threading.Lock())


def model_version(saved_model) -> str:
    """Computes the version of a SavedModel, a fingerprint of its contents.

    Embeddings of two models are in different spaces and must never be
    compared. A model of `export_saved_model` contains its version, which
    depends on everything that changes its embeddings; for another model the
    files of the graph and the weights are hashed. A copied model keeps its
    version, a retrained one does not.

    Args:
        saved_model: Path of the directory that holds `saved_model.pb`.

    Returns:
        16 hexadecimal digits.

    Raises:
        ValueError: If there is no SavedModel in `saved_model`.
    """
    import tensorflow as tf

    root = check_saved_model(saved_model)
    return read_version(root, tf.saved_model.load(str(root)).signatures)


def read_version(saved_model, signatures) -> str:
    """Reads the version of a loaded SavedModel, or hashes its files."""
    if "model_version" in signatures:
        row = np.zeros(1, "int32")
        (names,) = signatures["model_version"](row=row).values()
        return names.numpy()[0].decode()
    root = pathlib.Path(saved_model)
    digest = hashlib.sha256()
    variables = sorted((root / "variables").glob("*"))
    for path in [root / "saved_model.pb", *variables]:
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def check_saved_model(saved_model) -> pathlib.Path:
    """Returns the path of a SavedModel, or raises `ValueError`."""
    root = pathlib.Path(saved_model)
    if (root / "saved_model.pb").is_file():
        return root
    versions = sorted(
        path.parent.name for path in root.glob("*/saved_model.pb")
    )
    raise ValueError(
        "A SavedModel must be a directory with a file `saved_model.pb`. "
        f"Received: saved_model={str(saved_model)!r}, which has none. "
        + (
            f"Name one of its versions, such as {versions[-1]!r}."
            if versions
            else "Export one with `nfs_keras.serving.export_saved_model`."
        )
    )
