"""A gallery of embeddings in Milvus: a file in the process, or a cluster."""

import logging
import pathlib

import numpy as np

from nfs_keras.optional import optional_import
from nfs_keras.scale.gallery_checks import (
    check_checksums,
    check_embeddings,
    check_gallery_ids,
    check_index,
    check_scalars,
    check_top,
    check_uri,
    check_version,
    gallery_filter,
)
from nfs_keras.scale.gallery_schema import (
    ID_LENGTH,
    create_collection,
    read_schema,
)
from nfs_keras.scale.query_image import Match

SCALARS = ["identity", "camera", "time", "modality"]
CALL_BYTES = 16 * 2**20  # a quarter of what a server accepts
DELETED_AT_ONCE = 10_000
SEARCHED_AT_ONCE = 1_000
# A server sends 100 MiB at most; a match has its id and 200 bytes beside it.
MATCHES_AT_ONCE = 100 * 2**20 // (ID_LENGTH + 200)
LOAD_TIMEOUT = 3600.0  # seconds; loading may mean to build an index


class Gallery:
    """Stores embeddings of people and finds the nearest ones.

    `Gallery("people.db")` is Milvus Lite inside this process;
    `Gallery("http://host:19530")` is a Milvus server or cluster; nothing else
    changes. A gallery stores embeddings of one model: the first `add` fixes
    its `model_version` and dimension in the schema, and any other version
    raises an error from then on, because its embeddings are in another space.
    All modalities share the gallery, as a search across them requires.

    A call checks all its arguments before it sends anything. `add` replaces
    rows by id, so repeat a call if the server was lost; `index_embeddings`
    does not replace one image by another.

    Args:
        uri: String. A file that ends in `.db`, or the address of a server. A
            file is open in one `Gallery` of one process at a time.
        name: String. Name of the Milvus collection. Defaults to `"people"`.
        token: String. `"user:password"` or an API key of the server.
        index: `"FLAT"` (compares with every embedding; exact) or `"HNSW"` (a
            graph; approximate). Defaults to `"FLAT"` for a file and `"HNSW"`
            for a server (measured in `docs/performance.md`). Fixed by the first
            `add`.
        timeout: Float. Seconds after which a call gives up. Defaults to `30`.

    Raises:
        ValueError: If an argument of a call is wrong.
        ConnectionError: If the server does not answer or returns an error.

    Example:

    ```python
    with Gallery("people.db") as gallery:
        gallery.add(ids, embeddings, model_version, modality="visible")
        gallery.search(probes, model_version, top=5, camera=[1, 2])
    ```

    Reference:

    - [Malkov and Yashunin, 2018](https://arxiv.org/abs/1603.09320) for HNSW.
    """

    def __init__(self, uri, name="people", token="", index=None, timeout=30.0):
        self.uri = check_uri(uri)
        self.name = name
        self.index = index
        self.timeout = timeout
        self._index = check_index(index, self.uri)
        self.dim = None
        self.model_version = None
        milvus = optional_import("pymilvus", extra="gallery")
        self._failures = milvus.MilvusException
        # Both raise their errors, and log them a second time.
        for logger in ("pymilvus", "milvus_lite"):
            logging.getLogger(logger).setLevel(logging.CRITICAL)
        self._client = self._try(milvus.MilvusClient, uri=self.uri, token=token)
        self._look()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def add(
        self,
        ids,
        embeddings,
        model_version,
        modality,
        identity=None,
        camera=None,
        time=None,
        checksum=None,
    ):
        """Adds N images, replacing those that have the same id.

        Args:
            ids: N different strings.
            embeddings: Float array (N, D).
            model_version: String. Version of their model, see `model_version`.
            modality: `"visible"` or `"infrared"`, or N of them.
            identity: Int, or N of them, `None` where unknown.
            camera: Int, or N of them, `None` where unknown.
            time: Int, or N of them, seconds since 1970, UTC, `None` where
                unknown.
            checksum: N strings, SHA-256 of the images in hexadecimal digits,
                or `None`. `index_embeddings` recognizes an image by it.

        Raises:
            ValueError: If an argument is wrong; then nothing is written.
            ConnectionError: If the server fails; repeat the call.
        """
        self._look()
        ids = check_gallery_ids(ids)
        check_version(model_version, self.model_version)
        embeddings = check_embeddings(embeddings, len(ids), self.dim)
        columns = check_scalars(
            len(ids), modality, identity=identity, camera=camera, time=time
        )
        columns["checksum"] = check_checksums(len(ids), checksum)
        if not ids:
            return
        if self.dim is None:
            self._create(embeddings.shape[1], model_version)
        rows = as_rows({"id": ids, "embedding": embeddings, **columns})
        size = max(1, CALL_BYTES // (4 * self.dim + ID_LENGTH))
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            self._try(self._client.upsert, self.name, part)

    def search(self, embeddings, model_version, top=10, **where):
        """Finds the `top` most similar images for each of N embeddings.

        Args:
            embeddings: Float array (N, D).
            model_version: String. Version of their model.
            top: Int, 1 to 16384.
            **where: Conditions of `gallery_filter`: `camera`, `identity`,
                `modality`, `since`, `until`.

        Returns:
            N lists of `Match`, the most similar first.
        """
        self._look()
        expression = gallery_filter(where)
        check_version(model_version, self.model_version)
        check_top(top)
        embeddings = check_embeddings(embeddings, None, self.dim)
        if self.dim is None:
            return [[] for _ in embeddings]
        # A filter excludes most nodes of the graph, so search more of them.
        breadth = max(512 if expression else 128, 4 * top)
        size = max(1, min(SEARCHED_AT_ONCE, MATCHES_AT_ONCE // top))
        matches = []
        for start in range(0, len(embeddings), size):
            found = self._try(
                self._client.search,
                self.name,
                data=list(embeddings[start : start + size]),
                filter=expression,
                limit=top,
                output_fields=SCALARS,
                search_params={"params": {"ef": breadth}},
            )
            matches += [[as_match(hit) for hit in hits] for hits in found]
        return matches

    def delete(self, ids):
        """Deletes images by id; unknown ids are ignored."""
        self._look()
        ids = check_gallery_ids(ids)
        if self.dim is None:
            return
        for start in range(0, len(ids), DELETED_AT_ONCE):
            part = ids[start : start + DELETED_AT_ONCE]
            self._try(self._client.delete, self.name, ids=part)

    def checksums(self, ids):
        """Returns the checksums of the given ids that the gallery has."""
        self._look()
        ids = check_gallery_ids(ids)
        if self.dim is None:
            return {}
        known = {}
        for start in range(0, len(ids), SEARCHED_AT_ONCE):
            rows = self._try(
                self._client.get,
                self.name,
                ids=ids[start : start + SEARCHED_AT_ONCE],
                output_fields=["id", "checksum"],
            )
            known |= {row["id"]: row.get("checksum") for row in rows}
        return known

    def count(self, **where):
        """Counts the images that fulfil the conditions of `search`."""
        self._look()
        expression = gallery_filter(where)
        if self.dim is None:
            return 0
        fields = ["count(*)"]
        rows = self._try(
            self._client.query,
            self.name,
            filter=expression,
            output_fields=fields,
        )
        return rows[0]["count(*)"]

    def close(self):
        """Disconnects; writes the index of a file to disk."""
        self._client.close()
        if self.uri.endswith(".db"):
            from milvus_lite.server_manager import server_manager_instance

            server_manager_instance.release_server(self.uri)

    def _look(self):
        """Reads the schema if another client has made the collection."""
        if self.dim is None and self._try(
            self._client.has_collection, self.name
        ):
            description = self._try(self._client.describe_collection, self.name)
            dim, version = read_schema(description)
            self._load()
            self.dim, self.model_version = dim, version

    def _create(self, dim, model_version):
        arguments = (self.name, dim, model_version, self._index)
        try:
            self._try(create_collection, self._client, *arguments)
            self.dim, self.model_version = dim, model_version
        except ConnectionError:
            self._look()  # another client was faster
            if self.dim is None:
                raise
            check_version(model_version, self.model_version)

    def _load(self):
        def load():
            self._try(
                self._client.load_collection, self.name, timeout=LOAD_TIMEOUT
            )

        try:
            load()
        except ConnectionError:
            # A process killed while Milvus Lite wrote an index leaves a broken
            # file. The index is computed from the rows, so delete it.
            broken = broken_indexes(self.uri, self.name)
            if not broken:
                raise
            for half_written in broken:
                half_written.unlink()
            load()

    def _try(self, function, *args, **kwargs):
        try:
            return function(*args, **{"timeout": self.timeout, **kwargs})
        except self._failures as error:
            reason = " ".join(str(error.message).split())
            raise ConnectionError(
                "The gallery does not answer or returned an error. "
                f"Received: uri={self.uri!r}, {reason:.200}. "
                "Check that it runs, and that no other process has its file."
            ) from error


def as_rows(columns):
    """Turns a dict of columns into a list of dicts."""
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def as_match(hit):
    """Turns a hit of Milvus into a `Match`."""
    scalars = {name: hit["entity"].get(name) for name in SCALARS}
    return Match(hit["id"], hit["distance"], **scalars)


def broken_indexes(uri, name):
    """Lists the index files of a collection that cannot be read.

    Milvus Lite writes its FLAT indexes with NumPy, the others with FAISS.
    """
    if not uri.endswith(".db"):
        return []
    faiss = optional_import("faiss", extra="gallery")
    broken = []
    for path in (pathlib.Path(uri) / "collections" / name).rglob("*.idx"):
        read = np.load if ".flat." in path.name else faiss.read_index
        try:
            read(str(path))
        except (RuntimeError, ValueError, EOFError):
            broken.append(path)
    return broken
