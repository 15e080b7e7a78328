"""Opens a dataset without being told which one it is."""

import os
from pathlib import Path
from typing import Any

from nfs_keras.datasets.folder_dataset import FolderDataset
from nfs_keras.datasets.llcm import LLCM
from nfs_keras.datasets.reader import Reader
from nfs_keras.datasets.regdb import RegDB
from nfs_keras.datasets.sysu_mm01 import SYSUMM01

LANDMARKS = {
    RegDB: ("Thermal", "Visible"),
    SYSUMM01: ("cam1", "cam2", "cam3", "cam4", "cam5", "cam6"),
    LLCM: ("test_vis", "test_nir"),
    FolderDataset: ("visible", "infrared"),
}


def open_dataset(root: str | Path, **options: Any) -> Reader:
    """Chooses the reader whose folders lie in `root`.

    Args:
        root: Folder of RegDB, SYSU-MM01, LLCM, or of pictures of one's own.
        options: What the reader is made with, such as `trial=2`.

    Raises:
        ValueError: `root` holds the folders of no dataset that is known.
    """
    root = Path(root)
    # Not `(root / name).exists()`: some file systems ignore case.
    names = sorted(os.listdir(root)) if root.is_dir() else []
    for reader, landmarks in LANDMARKS.items():
        if any(landmark in names for landmark in landmarks):
            return reader(root, **options)
    known = "; ".join(
        f"{', '.join(landmarks)} ({reader.__name__})"
        for reader, landmarks in LANDMARKS.items()
    )
    raise ValueError(
        f"A dataset is known by its folders: {known}. "
        f"Received: root={str(root)!r}, which holds {names[:8]}. "
        "Give the folder that holds those, or make a dataset with "
        "`nfs-reid synthesize`."
    )
