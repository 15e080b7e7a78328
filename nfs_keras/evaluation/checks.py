"""Errors that are cheaper to read than wrong numbers."""

import numpy as np


def check_embeddings(
    query: np.ndarray, gallery: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns two sets of embeddings as arrays that can be compared."""
    query = check_matrix("query", query)
    gallery = check_matrix("gallery", gallery)
    if query.shape[1] != gallery.shape[1]:
        raise ValueError(
            "Query and gallery embeddings must have the same dimension. "
            f"Received: query.shape={query.shape}, "
            f"gallery.shape={gallery.shape}. "
            "Embed both with the same network."
        )
    return query, gallery


def check_matrix(name: str, embeddings: np.ndarray) -> np.ndarray:
    """Returns (N, D) embeddings with N > 0."""
    embeddings = np.asarray(embeddings)
    if embeddings.ndim != 2 or not embeddings.size:
        raise ValueError(
            f"`{name}` is a non-empty (images, dimension) matrix. "
            f"Received: {name}.shape={embeddings.shape}. "
            "Look whether the dataset is empty and whether embeddings are "
            "flat."
        )
    return embeddings


def check_labels(shape, identities, cameras, protocol):
    """Returns identities and cameras as arrays that fit the ranking."""
    sides = ("query", "gallery")
    identities = [
        check_length(f"{side}_identities", values, length)
        for side, values, length in zip(sides, identities, shape, strict=True)
    ]
    if not protocol.needs_cameras:
        return identities, (None, None)
    if any(numbers is None for numbers in cameras):
        raise ValueError(
            f"The rules of {protocol.name} need camera numbers. "
            f"Received: query_cameras={cameras[0]}, "
            f"gallery_cameras={cameras[1]}. "
            "Pass the camera of every query and gallery image."
        )
    cameras = [
        check_length(f"{side}_cameras", values, length)
        for side, values, length in zip(sides, cameras, shape, strict=True)
    ]
    for side, numbers in zip(sides, cameras, strict=True):
        protocol.check_cameras(side, numbers)
    return identities, cameras


def check_length(name, values, length):
    values = np.asarray(values)
    if values.shape != (length,):
        raise ValueError(
            f"`{name}` has one value per image. "
            f"Received: {name}.shape={values.shape} for {length} images. "
            "Take both from the same list of samples."
        )
    if not length:
        raise ValueError(
            "Query and gallery must not be empty. "
            f"Received: no {name}. "
            "Look whether the dataset was read."
        )
    return values


def check_ranks(ranks, truth):
    """Refuses ranks that the gallery does not reach."""
    if not ranks or min(ranks) < 1 or max(ranks) > truth.max_rank:
        raise ValueError(
            f"`ranks` lie between 1 and the {truth.max_rank:,} "
            f"{truth.protocol.counts} of the gallery. "
            f"Received: ranks={tuple(ranks)}. "
            "Ask for smaller ranks or use a larger gallery."
        )
