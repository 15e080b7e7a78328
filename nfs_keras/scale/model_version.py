"""A short name for the exact weights that made an embedding."""

import hashlib
import pathlib


def model_version(saved_model) -> str:
    """Fingerprints a SavedModel, wherever it lies.

    Embeddings of two models live in different spaces and must never be
    compared. The fingerprint covers the graph and the weights, not the
    directory's name nor the warm-up requests, so a copied model keeps it and
    a retrained one does not.

    Args:
        saved_model: Path of the directory that holds `saved_model.pb`.

    Returns:
        The first 16 hexadecimal digits of a SHA-256 (our choice).

    Raises:
        ValueError: If there is no SavedModel in `saved_model`.
    """
    root = check_saved_model(saved_model)
    digest = hashlib.sha256()
    variables = sorted((root / "variables").glob("*"))
    for path in [root / "saved_model.pb", *variables]:
        digest.update(path.name.encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def check_saved_model(saved_model) -> pathlib.Path:
    """Returns the path of a SavedModel, or says what lies there instead."""
    root = pathlib.Path(saved_model)
    if (root / "saved_model.pb").is_file():
        return root
    versions = sorted(
        path.parent.name for path in root.glob("*/saved_model.pb")
    )
    raise ValueError(
        "A SavedModel is a directory with a file `saved_model.pb`. "
        f"Received: saved_model={str(saved_model)!r}, which has none. "
        + (
            f"Name one of its versions, such as {versions[-1]!r}."
            if versions
            else "Export one with `nfs_keras.serving.export_saved_model`."
        )
    )
