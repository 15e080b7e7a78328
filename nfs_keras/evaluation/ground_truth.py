"""Which gallery images a query should find, and which it may not see."""

import numpy as np

from nfs_keras.evaluation.protocol import Protocol


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
        self._starts = self._ends - counts
        self._labels = self._find_labels()
        self._hidden_by_camera = self._find_hidden_columns()

    @property
    def num_queries(self) -> int:
        return len(self.query_identities)

    @property
    def num_gallery(self) -> int:
        return len(self.gallery_labels)

    @property
    def max_rank(self) -> int:
        """The last rank that a CMC curve of this gallery can have."""
        if self.protocol.counts == "identities":
            return len(self.identities)
        return self.num_gallery

    def label(self, query: int) -> int:
        """The position of the query's identity in `identities`, or -1."""
        return self._labels[query]

    def same_identity(self, query: int) -> np.ndarray:
        """Gallery indices of the query's identity, before the camera rules."""
        label = self._labels[query]
        if label < 0:
            return self._by_identity[:0]
        return self._by_identity[self._starts[label] : self._ends[label]]

    def matches(self, query: int) -> np.ndarray:
        """Gallery indices of the true matches that the query may see."""
        found = self.same_identity(query)
        if self.query_cameras is None:
            return found
        camera = self.query_cameras[query]
        cameras = self.gallery_cameras[found]
        if self.protocol.excludes_same_camera:
            found, cameras = (
                found[cameras != camera],
                cameras[cameras != camera],
            )
        for query_camera, gallery_camera in self.protocol.excluded:
            if camera == query_camera:
                seen = cameras != gallery_camera
                found, cameras = found[seen], cameras[seen]
        return found

    def hidden(self, query: int) -> list[np.ndarray]:
        """Gallery indices that the camera rules hide from the query."""
        if self.query_cameras is None:
            return []
        camera = self.query_cameras[query]
        hidden = list(self._hidden_by_camera.get(camera, ()))
        if self.protocol.excludes_same_camera:
            found = self.same_identity(query)
            hidden.append(found[self.gallery_cameras[found] == camera])
        return hidden

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
