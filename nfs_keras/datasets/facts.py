"""What a run notes down about the data it was given."""

import hashlib
import os
from collections import Counter

from nfs_keras.datasets.reader import Reader


def fingerprint(reader: Reader) -> str:
    """Tells whether two datasets are the same, without opening a picture.

    Args:
        reader: A reader of any dataset.

    Returns:
        16 hexadecimal digits that depend on every training and test sample:
        its path below the root, its identity, camera, modality and file size.
    """
    digest = hashlib.sha256()
    for sample in (*reader.train, *reader.test):
        path = os.path.relpath(sample.path, reader.root)
        size = os.path.getsize(sample.path)
        digest.update(repr((path, *sample[1:], size)).encode())
    return digest.hexdigest()[:16]


def statistics(reader: Reader) -> dict[str, int]:
    """Counts people and pictures of the training and the test half."""
    counts = {}
    for half in ("train", "test"):
        samples = getattr(reader, half)
        counts[f"{half}_identities"] = len({s.identity for s in samples})
        for modality, count in Counter(s.modality for s in samples).items():
            counts[f"{half}_{modality}"] = count
    return counts
