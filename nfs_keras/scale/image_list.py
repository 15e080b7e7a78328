"""The list of images to embed, as an Arrow table."""

import os

from nfs_keras.optional import optional_import

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png")
KNOWN_COLUMNS = ("id", "path", "identity", "camera", "time")


def list_images(folder):
    """Lists the images below a folder, sorted.

    Args:
        folder: Path of a folder of JPEG, PNG or BMP files, at any depth.

    Returns:
        A `pyarrow.Table` of `image_list`; an id is the path below `folder`
        with forward slashes; identity, camera and time are unknown.

    Raises:
        ValueError: If `folder` is not a folder or holds no image.
    """
    root = os.path.join(os.path.abspath(folder), "")
    paths = sorted(
        os.path.join(parent, name)
        for parent, _, names in os.walk(root)
        for name in names
        if name.lower().endswith(SUFFIXES)
    )
    if not paths:
        raise ValueError(
            f"A folder needs images with the suffix {' '.join(SUFFIXES)}. "
            f"Received: folder={str(folder)!r}, which has none. "
            "Check the path, or give a Parquet list of paths."
        )
    ids = [path[len(root) :].replace(os.sep, "/") for path in paths]
    return image_list({"id": ids, "path": paths})


def read_image_list(path):
    """Reads a Parquet list of images.

    Args:
        path: Path of a Parquet file with a column `path` and any of `id`
            (defaults to the path), `identity`, `camera` and `time`.

    Returns:
        A `pyarrow.Table` of `image_list`.
    """
    parquet = optional_import("pyarrow.parquet", extra="scale")
    table = parquet.read_table(path)
    return image_list({name: table[name] for name in table.column_names})


def image_list(columns):
    """Checks and completes a list of N images.

    Args:
        columns: Dict of columns of length N: `path` (where to read the
            image), `id` (unique string, defaults to `path`), `identity`
            and `camera` (ints) and `time` (int, seconds since 1970, UTC),
            each `None` where unknown.

    Returns:
        A `pyarrow.Table` with exactly these five columns, and absolute paths:
        a worker of Ray has another working directory.

    Raises:
        ValueError: If a column is missing or unknown, or an id repeats.
    """
    arrow = optional_import("pyarrow", extra="scale")
    unknown = sorted(set(columns) - set(KNOWN_COLUMNS))
    if unknown or "path" not in columns:
        raise ValueError(
            f"An image list has `path` and any of {KNOWN_COLUMNS}. "
            f"Received: columns={sorted(columns)}. "
            "Rename or drop the others."
        )
    size = len(columns["path"])
    blank = dict.fromkeys(KNOWN_COLUMNS, [None] * size)
    columns = {**blank, "id": columns["path"], **columns}
    table = arrow.table(columns, schema=image_schema(arrow))
    check_ids(table["id"])
    paths = [os.path.abspath(path) for path in table["path"].to_pylist()]
    index = table.column_names.index("path")
    return table.set_column(index, table.field("path"), [paths])


def image_schema(arrow):
    """Returns the columns of an image list, the first ones of a shard."""
    integers = [(name, arrow.int64()) for name in KNOWN_COLUMNS[2:]]
    strings = [(name, arrow.string()) for name in KNOWN_COLUMNS[:2]]
    return arrow.schema([*strings, *integers])


def check_ids(ids):
    """Raises `ValueError` for ids that are missing or that repeat."""
    if len(ids.unique()) == len(ids) and not ids.null_count:
        return
    counts = ids.value_counts().to_pylist()
    repeated = [x["values"] for x in counts if x["counts"] > 1]
    raise ValueError(
        "Every image needs an id of its own. "
        f"Received: {len(repeated)} repeated ids, such as {repeated[:3]}, "
        f"and {ids.null_count} missing ones. "
        "Give a column `id` without repetition."
    )
