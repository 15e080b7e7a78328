"""Checks the arguments of a gallery, and writes its filter expressions."""

import collections
import json
import numbers
import pathlib

import numpy as np

from nfs_keras.modalities import MODALITIES
from nfs_keras.scale.gallery_schema import (
    CHECKSUM_LENGTH,
    ID_LENGTH,
    INDEX_PARAMETERS,
    VERSION_LENGTH,
)

SCHEMES = ("http://", "https://", "tcp://", "unix:")
MAX_TOP = 16384  # of a Milvus server
COMPARISONS = {
    "camera": ("camera", "in"),
    "identity": ("identity", "in"),
    "modality": ("modality", "in"),
    "since": ("time", ">="),
    "until": ("time", "<"),
}


def check_embeddings(embeddings, size, dim=None):
    """Returns embeddings as a float32 array (N, D).

    Args:
        embeddings: Array, or a nested list.
        size: Int N, or `None` for any.
        dim: Int D, or `None` for any.

    Raises:
        ValueError: If the shape is wrong, or a row is zero (the embedding of
            a broken image), infinite or not a number.
    """
    embeddings = np.asarray(embeddings, "float32")
    if embeddings.shape == (0,):
        embeddings = embeddings.reshape(0, dim or 0)
    given = embeddings.shape
    if len(given) != 2 or given != (
        given[0] if size is None else size,
        dim or given[1],
    ):
        raise ValueError(
            "Embeddings need the shape "
            f"({'N' if size is None else size}, {dim or 'D'}). "
            f"Received: embeddings.shape={embeddings.shape}. "
            "Give one row per image, of the model of this gallery."
        )
    norms = np.linalg.norm(embeddings, axis=1)
    wrong = np.flatnonzero(~(np.isfinite(norms) & (norms > 0)))
    if wrong.size:
        raise ValueError(
            "An embedding must be finite and not zero. "
            f"Received: {wrong.size} others, the first in row {wrong[0]}. "
            "Drop images that the model marked as not valid."
        )
    return embeddings


def check_gallery_ids(ids):
    """Returns ids as a list of strings.

    Raises:
        ValueError: If an id repeats, is empty, too long or not a string, or
            there is no list of them.
    """
    if isinstance(ids, str | bytes):
        raise ValueError(
            "Ids are a list of strings. "
            f"Received: ids={ids!r:.80}. "
            "Write `[id]` for one image."
        )
    ids = list(ids)
    wrong = [
        x
        for x in ids
        if not isinstance(x, str) or not 0 < len(x.encode()) <= ID_LENGTH
    ]
    if wrong:
        raise ValueError(
            f"An id is a string of 1 to {ID_LENGTH} bytes. "
            f"Received: {len(wrong)} others, such as {wrong[0]!r:.80}. "
            "Give each image a short name."
        )
    if len(set(ids)) < len(ids):
        twice = [x for x, n in collections.Counter(ids).items() if n > 1]
        raise ValueError(
            "An id may appear once in a call. "
            f"Received: {len(twice)} repeated ids, such as {twice[0]!r}. "
            "Keep one image of each."
        )
    return ids


def check_scalars(size, modality, **integers):
    """Returns the scalar columns as lists of N values.

    Args:
        size: Int. N.
        modality: A modality, or N of them.
        **integers: Columns of ints, each one value for all rows, or N values,
            `None` where unknown.

    Raises:
        ValueError: If a column has another length or another kind of value.
    """
    columns = {"modality": repeat_value("modality", modality, size)}
    check_values("modality", columns["modality"], set(MODALITIES).__contains__)
    for name, values in integers.items():
        values = repeat_value(name, values, size)
        check_values(name, values, is_integer_or_none)
        columns[name] = [None if x is None else int(x) for x in values]
    return columns


def check_checksums(size, checksums):
    """Returns N checksums, `None` where there is none.

    Raises:
        ValueError: If there are more or fewer, or one is no checksum.
    """
    checksums = repeat_value("checksum", checksums, size)
    wrong = [
        x
        for x in checksums
        if not (x is None or (isinstance(x, str) and len(x) == CHECKSUM_LENGTH))
    ]
    if wrong:
        raise ValueError(
            f"A checksum is a string of {CHECKSUM_LENGTH} hexadecimal digits. "
            f"Received: {len(wrong)} others, such as {wrong[0]!r:.80}. "
            "Take the SHA-256 of the file, or leave `checksum` out."
        )
    return checksums


def repeat_value(name, values, size):
    """Returns a list of N values; a single value is repeated N times."""
    if np.ndim(values) == 0:
        return [values] * size
    if len(values) != size:
        raise ValueError(
            f"`{name}` needs one value for each of the {size} ids. "
            f"Received: {len(values)} values. "
            "Use `None` where a value is unknown."
        )
    return list(values)


def check_values(name, values, is_valid):
    """Raises `ValueError` for values of the wrong type."""
    wrong = [x for x in values if not is_valid(x)]
    if wrong:
        raise ValueError(
            f"`{name}` is one of {MODALITIES} if it is `modality`, and an "
            "integer of 64 bits or `None` otherwise. "
            f"Received: {name}={wrong[0]!r}. "
            "Correct the column."
        )


def is_integer_or_none(value):
    return value is None or is_integer(value)


def is_integer(value):
    return isinstance(value, numbers.Integral) and -(2**63) <= value < 2**63


def check_uri(uri):
    """Returns a gallery's address as a string."""
    uri = str(uri)
    is_file = uri.endswith(".db") and pathlib.Path(uri).parent.is_dir()
    if not is_file and not uri.startswith(SCHEMES):
        raise ValueError(
            "A gallery is a file that ends in `.db`, in a directory that "
            f"exists, or an address that starts with {' '.join(SCHEMES)}. "
            f"Received: uri={uri!r}. "
            "Write for example `people.db` or `http://host:19530`."
        )
    return uri


def check_index(index, uri):
    """Returns the type of index, or the default for the address."""
    if index is None:
        return "FLAT" if uri.endswith(".db") else "HNSW"
    if index not in INDEX_PARAMETERS:
        raise ValueError(
            f"`index` must be one of {sorted(INDEX_PARAMETERS)}. "
            f"Received: index={index!r}. "
            'Choose "FLAT" to compare with every embedding.'
        )
    return index


def check_version(model_version, held):
    """Raises `ValueError` unless embeddings are of the gallery's model."""
    if not isinstance(model_version, str) or not (
        0 < len(model_version.encode()) <= VERSION_LENGTH
    ):
        raise ValueError(
            f"A model version is a string of 1 to {VERSION_LENGTH} bytes. "
            f"Received: model_version={model_version!r}. "
            "Use `model_version(saved_model)`."
        )
    if held not in (None, model_version):
        raise ValueError(
            "A gallery holds embeddings of one model version. "
            f"Received: model_version={model_version!r}, but this gallery "
            f"holds {held!r}. "
            "Embed again with its model, or use another gallery."
        )


def check_top(top):
    """Raises `ValueError` for a number of matches that no server returns."""
    if not isinstance(top, numbers.Integral) or not 1 <= top <= MAX_TOP:
        raise ValueError(
            f"`top` is an integer from 1 to {MAX_TOP}. "
            f"Received: top={top!r}. "
            "Pass a number in this range."
        )


def gallery_filter(where: dict) -> str:
    """Writes conditions, all of which must hold, as a Milvus expression.

    Args:
        where: Dict of conditions: `camera`, `identity` and `modality` each
            one value or a list of them; `since` (included) and `until`
            (excluded) in seconds since 1970, UTC. `None` is no condition. An
            image with an unknown value never fulfils a condition.

    Returns:
        A Milvus expression, empty if there is no condition.

    Raises:
        ValueError: If a field is unknown or a value has the wrong type.
    """
    return " and ".join(
        condition(name, value)
        for name, value in sorted(where.items())
        if value is not None or name not in COMPARISONS
    )


def condition(name, value):
    """Translates one condition, such as `camera in [1, 2]`."""
    if name not in COMPARISONS:
        raise ValueError(
            f"A gallery is filtered by {', '.join(sorted(COMPARISONS))}. "
            f"Received: {name}={value!r}. "
            "Use one of these fields."
        )
    field, operator = COMPARISONS[name]
    many = operator == "in" and not isinstance(value, str | numbers.Integral)
    values = list(value) if many else [value]
    text = name == "modality"
    is_valid = (lambda x: isinstance(x, str)) if text else is_integer
    if not values or not all(map(is_valid, values)):
        raise ValueError(
            f"The filter `{name}` takes "
            f"{'strings' if text else 'integers of 64 bits'}. "
            f"Received: {name}={value!r}. "
            "Times are whole seconds since 1970."
        )
    values = [x if text else int(x) for x in values]
    value = json.dumps(values if operator == "in" else values[0])
    return f"{field} {operator} {value}"
