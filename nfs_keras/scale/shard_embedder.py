"""Reads, embeds and writes images, all three at the same time."""

import collections
import hashlib
import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from nfs_keras.optional import optional_import
from nfs_keras.scale.shards import shard_schema, shard_table, write_shard

EMBEDDED_AT_ONCE = 2  # one batch is decoded while another is multiplied


class ShardEmbedder:
    """Embeds a list of images into consecutive shards of one directory.

    Every engine runs it, once per machine or actor. Memory is bounded:
    `num_threads` batches of files, and the embeddings of two shards, whatever
    the length of the list.

    Args:
        embedder: An `Embedder`.
        directory: Path of the output directory.
        batch_size: Int. Images per call of the model.
        shard_size: Int. Images per shard, in whole batches; also the most
            that a killed run repeats.
        num_threads: Int. Threads that read files ahead.

    Call arguments:
        images: A `image_list` table.
        number: Int. Number of the first shard.
        on_batch: Optional function of a batch's number of images.

    Returns:
        Tuple of ints: images embedded, and bad ones.
    """

    def __init__(
        self, embedder, directory, batch_size, shard_size, num_threads
    ):
        self.embedder = embedder
        self.directory = directory
        self.batch_size = batch_size
        self.batches_per_shard = max(1, shard_size // batch_size)
        self.num_threads = num_threads

    def __call__(self, images, number, on_batch=None):
        batches = self.embed_batches(images, on_batch)
        counts = np.zeros(2, int)
        shards = grouped(batches, self.batches_per_shard)
        numbered = zip(itertools.count(number), shards)
        for written in ahead(self.write, numbered, num_threads=1):
            counts += written
        return tuple(counts.tolist())

    def embed_batches(self, images, on_batch=None):
        """Yields (images, embeddings, checksums, bad) of each batch."""
        starts = range(0, images.num_rows, self.batch_size)
        batches = (images.slice(start, self.batch_size) for start in starts)
        read = ahead(read_batch, batches, self.num_threads)
        for result in ahead(self.embed_batch, read, EMBEDDED_AT_ONCE):
            yield result
            if on_batch:
                on_batch(len(result[1]) + len(result[3]))

    def embed_batch(self, batch):
        """Embeds one batch of files, and lists the bad ones separately."""
        images, files, notes = batch
        embeddings, valid = self.embedder.embed([data or b"" for data in files])
        bad = []
        for row in np.flatnonzero(~valid):
            names = [images[name][row].as_py() for name in ("id", "path")]
            unread = files[row] is None
            bad.append((*names, notes[row] if unread else "not an image"))
        checksums = [notes[row] for row in np.flatnonzero(valid)]
        return images.filter(valid), embeddings[valid], checksums, bad

    def write(self, numbered_batches):
        """Writes one shard; returns the numbers of good and bad images."""
        arrow = optional_import("pyarrow", extra="scale")
        number, batches = numbered_batches
        images, embeddings, checksums, bad = zip(*batches, strict=True)
        embedder = self.embedder
        table = shard_table(
            arrow.concat_tables(images),
            np.concatenate(embeddings),
            list(itertools.chain(*checksums)),
            shard_schema(
                embedder.dim, embedder.modality, embedder.model_version
            ),
        )
        bad = list(itertools.chain(*bad))
        write_shard(self.directory, number, table, bad)
        return table.num_rows, len(bad)


def read_batch(images):
    """Reads files: (images, bytes or `None`, checksum or reason)."""
    contents = [read_image(path) for path in images["path"].to_pylist()]
    files, notes = zip(*contents, strict=True)
    return images, files, notes


def read_image(path):
    """Reads a file and its SHA-256, or returns `None` and the reason."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        return None, error.strerror
    return data, hashlib.sha256(data).hexdigest()


def grouped(items, size):
    """Yields lists of `size` items, the last one shorter."""
    while group := list(itertools.islice(items, size)):
        yield group


def ahead(function, items, num_threads):
    """Maps with threads, in order, at most `num_threads` + 1 items ahead."""
    with ThreadPoolExecutor(num_threads) as pool:
        pending = collections.deque()
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > num_threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
