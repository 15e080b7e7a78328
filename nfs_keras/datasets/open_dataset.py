"""Opens a dataset, and recognizes which one it is by its folders."""

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from nfs_keras.datasets.folder_dataset import FolderDataset, is_table
from nfs_keras.datasets.llcm import LLCM
from nfs_keras.datasets.reader import Reader, check_options
from nfs_keras.datasets.regdb import RegDB
from nfs_keras.datasets.sysu_mm01 import SYSUMM01

READERS = (RegDB, SYSUMM01, LLCM, FolderDataset)


def open_dataset(
    root: str | Path,
    reader: type[Reader] | str | None = None,
    **options: Any,
) -> Reader:
    """Opens the dataset in `root` with the reader that fits its folders.

    Args:
        root: Folder of RegDB, SYSU-MM01, LLCM, or of images of your own; or a
            CSV file that lists images of your own. In a folder such a file
            comes before the folders `visible/` and `infrared/`.
        reader: A `Reader` of your own instead: its class, or the place of its
            code, as `"my_reader.py:MyReader"` or `"module:MyReader"`.
        options: Arguments of the reader, such as `trial=2`.

    Raises:
        ValueError: `root` holds the folders of no known dataset, or an option
            is not the reader's.
    """
    root = Path(root)
    if reader is None:
        reader, root, options = find_reader(root, options)
    elif isinstance(reader, str):
        reader = load_reader(reader)
    check_options(reader, options)
    return reader(root, **options)


def find_reader(root: Path, options: dict[str, Any]) -> tuple:
    """Finds the class of a reader, its root and its options."""
    if is_table(root):
        return FolderDataset, root.parent, {"csv_file": root.name, **options}
    # Not `(root / name).exists()`: some file systems ignore case.
    names = sorted(os.listdir(root)) if root.is_dir() else []
    tables = [name for name in names if is_table(root / name)]
    for reader in READERS:
        if reader is FolderDataset and tables and "csv_file" not in options:
            return reader, root, {"csv_file": only(tables, root), **options}
        if any(landmark in names for landmark in reader.landmarks):
            return reader, root, options
    known = "; ".join(
        f"{', '.join(reader.landmarks)} ({reader.__name__})"
        for reader in READERS
    )
    if root.is_dir():
        found = f"which holds {names[:8]}"
    else:
        found = "which is a file" if root.exists() else "which does not exist"
    raise ValueError(
        f"A dataset is known by its folders: {known}; or by a CSV file with "
        "the columns path, identity and modality. "
        f"Received: root={str(root)!r}, {found}. "
        "Give the folder that holds those, or make a dataset with "
        "`nfs-reid synthesize`."
    )


def only(tables: list[str], root: Path) -> str:
    """Returns the only table, or raises `ValueError` if there are several."""
    if len(tables) > 1:
        raise ValueError(
            "A folder holds one table of images. "
            f"Received: root={str(root)!r}, which holds {tables}. "
            "Give the path of the table instead of the folder."
        )
    return tables[0]


def load_reader(place: str) -> type[Reader]:
    """Loads a class from `"my_reader.py:MyReader"` or `"module:MyReader"`."""
    source, _, name = place.rpartition(":")
    if not source:
        raise unknown_reader(place, "it names no file or module")
    try:
        if source.endswith(".py"):
            module = run_file(source)
        else:
            module = importlib.import_module(source)
    except (ImportError, OSError) as error:
        raise unknown_reader(place, error) from error
    except SyntaxError as error:
        raise ValueError(
            "The code of a reader must be valid Python. "
            f"Received: reader={place!r}: {error}. "
            "Correct this line."
        ) from error
    found = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, Reader)):
        raise unknown_reader(place, f"{name!r} is no subclass of `Reader`")
    return found


def run_file(file: str) -> ModuleType:
    """Runs a file as a module, whose name no other one has."""
    name = str(Path(file).resolve())
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look up their module
    spec.loader.exec_module(module)
    return module


def unknown_reader(place, reason) -> ValueError:
    return ValueError(
        "A reader is named by its file or module and its class. "
        f"Received: reader={place!r}: {reason}. "
        "Write it as my_reader.py:MyReader."
    )
