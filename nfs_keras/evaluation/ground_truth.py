"""The gallery images that a query should find, and the excluded ones."""

from collections.abc import Iterator

import numpy as np

from nfs_keras.evaluation.protocol import Protocol, find_protocol

MAX_GROUP = 32  # queries in a group: enough groups for every thread


class GroundTruth:
    """The true matches and the hidden images of every query.

    Kept as sorted indices, never as a query x gallery mask, so that its size
    is that of the inputs.

    Args:
        query_identities: (Q,) identities.
        gallery_identities: (G,) identities.
        query_cameras: (Q,) camera numbers, or `None`.
        gallery_cameras: (G,) camera numbers, or `None`.
        protocol: The `Protocol` whose camera rules apply.
    """

    def __init__(
        self,
        query_identities: np.ndarray,
        gallery_identities: np.ndarray,
        query_cameras: np.ndarray | None,
        gallery_cameras: np.ndarray | None,
        protocol: Protocol,
    ):
        self.query_identities = query_identities
        self.query_cameras = query_cameras
        self.gallery_cameras = gallery_cameras
        self.protocol = protocol
        self.identities, self.gallery_labels, counts = np.unique(
            gallery_identities, return_inverse=True, return_counts=True
        )
        # A stable sort leaves the images of an identity in gallery order.
        self._by_identity = np.argsort(self.gallery_labels, kind="stable")
        self._ends = np.cumsum(counts)
        self.query_labels = self._find_labels()
        self._hidden_by_camera = self._find_hidden_columns()

    @property
    def num_queries(self) -> int:
        """Number of queries, valid or not."""
        return len(self.query_identities)

    @property
    def max_rank(self) -> int:
        """The last rank that a CMC curve of this gallery can have."""
        if self.protocol.counts == "identities":
            return len(self.identities)
        return len(self.gallery_labels)

    def order(self) -> np.ndarray:
        """Sorts the queries so that equal ones are neighbours."""
        if self.query_cameras is None:
            return np.argsort(self.query_labels, kind="stable")
        return np.lexsort((self.query_cameras, self.query_labels))

    def groups(self, queries: np.ndarray) -> Iterator[slice]:
        """Splits sorted queries where identity or camera change."""
        change = np.diff(self.query_labels[queries], prepend=-2) != 0
        if self.query_cameras is not None:
            change[1:] |= np.diff(self.query_cameras[queries]) != 0
        change[::MAX_GROUP] = True
        starts = np.flatnonzero(change)
        for start, stop in zip(starts, [*starts[1:], None], strict=True):
            yield slice(start, stop)

    def same_identity(self, query: int) -> np.ndarray:
        """Gallery indices of the query's identity, without camera rules."""
        label = self.query_labels[query]
        if label < 0:
            return self._by_identity[:0]
        start = self._ends[label - 1] if label else 0
        return self._by_identity[start : self._ends[label]]

    def matches(self, query: int) -> np.ndarray:
        """Ascending gallery indices of the matches that are not excluded."""
        found = self.same_identity(query)
        if self.query_cameras is None:
            return found
        forbidden = self._forbidden_cameras(query)
        return found[~np.isin(self.gallery_cameras[found], forbidden)]

    def hidden(self, query: int) -> list[np.ndarray]:
        """Gallery indices that the camera rules exclude for the query."""
        if self.query_cameras is None:
            return []
        camera = self.query_cameras[query]
        hidden = list(self._hidden_by_camera.get(camera, ()))
        if self.protocol.excludes_same_camera:
            found = self.same_identity(query)
            hidden.append(found[self.gallery_cameras[found] == camera])
        return hidden

    def _forbidden_cameras(self, query):
        camera = self.query_cameras[query]
        forbidden = [g for q, g in self.protocol.excluded if q == camera]
        if self.protocol.excludes_same_camera:
            forbidden.append(camera)
        return forbidden

    def _find_labels(self):
        labels = np.searchsorted(self.identities, self.query_identities)
        labels = np.minimum(labels, len(self.identities) - 1)
        found = self.identities[labels] == self.query_identities
        return np.where(found, labels, -1)

    def _find_hidden_columns(self):
        hidden = {}
        for query_camera, gallery_camera in self.protocol.excluded:
            columns = np.flatnonzero(self.gallery_cameras == gallery_camera)
            hidden.setdefault(query_camera, []).append(columns)
        return hidden


def make_ground_truth(shape, identities, cameras, protocol, ranks):
    """Checks labels against the `shape` of the ranking and joins them."""
    protocol = find_protocol(protocol)
    identities, cameras = check_labels(shape, identities, cameras, protocol)
    truth = GroundTruth(*identities, *cameras, protocol)
    check_ranks(ranks, truth)
    return truth


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
            "Check whether the dataset was read."
        )
    return values


def check_ranks(ranks, truth):
    """Raises `ValueError` for ranks beyond the size of the gallery."""
    if not ranks or min(ranks) < 1 or max(ranks) > truth.max_rank:
        raise ValueError(
            f"`ranks` lie between 1 and the {truth.max_rank:,} "
            f"{truth.protocol.counts} of the gallery. "
            f"Received: ranks={tuple(ranks)}. "
            "Pass smaller ranks or use a larger gallery."
        )
