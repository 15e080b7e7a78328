"""Builds the benchmarks' folder trees: real counts, one picture by hard link.

The trees are written from the datasets' published layout, not by the library,
so that a reader and its test cannot share a mistake.
"""

import os
from pathlib import Path

import cv2
import numpy as np


def write_image(path: Path, seed: int = 0, shape=(16, 8)) -> Path:
    """Writes a picture of noise in the format that its suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (*shape, 3), dtype="uint8")
    cv2.imwrite(str(path), pixels)
    return path


def make_regdb(root: Path, num_identities=8, images=3, trials=(1,)) -> Path:
    """Writes a RegDB whose even people train and whose odd people test."""
    lines = {}
    for folder, word in (("Visible", "v"), ("Thermal", "t")):
        for identity in range(1, num_identities + 1):
            split = "test" if identity % 2 else "train"
            label = (identity - 1) // 2
            for image in range(images):
                name = f"male_front_{word}_{image:05d}_{identity}.bmp"
                path = f"{folder}/{identity}/{name}"
                link(root, path, seed=identity)
                file = f"{split}_{folder.lower()}"
                lines.setdefault(file, []).append(f"{path} {label}\n")
    for trial in trials:
        for file, rows in lines.items():
            index = root / "idx" / f"{file}_{trial}.txt"
            index.parent.mkdir(exist_ok=True)
            index.write_text("".join(rows))
    return root


def link(root: Path, path: str, seed: int = 0) -> None:
    """Puts a picture at `path`, a hard link to one of a few originals."""
    suffix = Path(path).suffix
    original = root.parent / f"{root.name}_originals" / f"{seed % 8}{suffix}"
    if not original.exists():
        write_image(original, seed=seed % 8)
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    os.link(original, root / path)
