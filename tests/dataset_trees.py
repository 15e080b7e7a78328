"""Builds the benchmarks' folder trees: real counts, few images, hard links.

The trees are written from the datasets' published layout, not by the library,
so that a reader and its test cannot share a mistake.
"""

import os
from pathlib import Path

import cv2
import numpy as np

ORIGINALS = 8


def write_image(path: Path, seed: int = 0, shape=(16, 8)) -> Path:
    """Writes an image of noise in the format that its suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (*shape, 3), dtype="uint8")
    path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())
    return path


def link(root: Path, path: str, seed: int = 0) -> None:
    """Puts an image at `path`, a hard link to one of a few originals."""
    originals = root.parent / f"{root.name}_originals"
    original = originals / f"{seed % ORIGINALS}{Path(path).suffix}"
    if not original.exists():
        write_image(original, seed=seed % ORIGINALS)
    file = root / path
    try:
        os.link(original, file)
    except FileNotFoundError:
        file.parent.mkdir(parents=True)
        os.link(original, file)


def write_text(file: Path, text: str) -> None:
    """Writes a text file and the folders it lies in."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def make_regdb(root: Path, num_identities=8, images=3, trials=(1,)) -> Path:
    """Writes a RegDB whose trial t trains on one half of a rotated circle."""
    for trial in trials:
        lines = {}
        for path, identity, folder in regdb_paths(num_identities, images):
            turned = (identity - 1 + trial) % num_identities
            half, label = divmod(turned, num_identities // 2)
            key = ("train", "test")[half], folder.lower()
            lines.setdefault(key, []).append(f"{path} {label}\n")
        for (half, folder), rows in lines.items():
            name = f"idx/{half}_{folder}_{trial}.txt"
            write_text(root / name, "".join(rows))
    for path, identity, _ in regdb_paths(num_identities, images):
        link(root, path, seed=identity)
    return root


def regdb_paths(num_identities, images):
    """Names every image, with its identity and its folder."""
    for folder, letter in (("Visible", "v"), ("Thermal", "t")):
        for identity in range(1, num_identities + 1):
            for image in range(images):
                name = f"male_front_{letter}_{image:05d}_{identity}.bmp"
                yield f"{folder}/{identity}/{name}", identity, folder


def make_sysu_mm01(root: Path, train, val, test, counts) -> Path:
    """Writes an SYSU-MM01.

    Args:
        root: Folder to make.
        train: Identities.
        val: Identities.
        test: Identities.
        counts: Number of images by `(camera, identity)`.
    """
    halves = {"train": train, "val": val, "test": test}
    halves["available"] = [*train, *val, *test]
    for half, identities in halves.items():
        text = ",".join(str(identity) for identity in identities) + "\n"
        write_text(root / "exp" / f"{half}_id.txt", text)
    for (camera, identity), count in counts.items():
        for image in range(1, count + 1):
            path = f"cam{camera}/{identity:04d}/{image:04d}.jpg"
            link(root, path, seed=image)
    return root


def full_sysu_mm01(root: Path) -> Path:
    """Writes an SYSU-MM01 of the published size.

    Every test person is before cameras 3, 4 and 6, 93 before camera 5, 56
    before the indoor cameras 1 and 2: 112 + 96 + 93 = 301 gallery groups.
    """
    identities = list(range(1, 492))
    test = identities[:96]
    counts = {(6, identity): 20 for identity in test}
    counts |= distribute(3, test[:56], 1088) | distribute(
        3, test[56:], 1883 - 1088
    )
    counts |= {(camera, i): 10 for camera in (1, 2) for i in test[:56]}
    counts |= {(4, identity): 11 for identity in test}
    counts |= {(5, identity): 12 for identity in test[:93]}
    train = identities[96:]
    counts |= distribute(1, train, 22258) | distribute(3, train, 11909)
    return make_sysu_mm01(root, train[:296], train[296:], test, counts)


def distribute(camera, identities, total):
    """Divides `total` images of a camera among people, about evenly."""
    share, rest = divmod(total, len(identities))
    return {
        (camera, identity): share + (index < rest)
        for index, identity in enumerate(identities)
    }


def make_llcm(root: Path, train_people, visible, infrared, test_people) -> Path:
    """Writes an LLCM; its training images are listed, not made.

    Args:
        root: Folder to make.
        train_people: Number of people to train on; the others follow them.
        visible: Number of visible training images.
        infrared: Number of infrared training images.
        test_people: Number of people to test on.
    """
    for word, total in (("vis", visible), ("nir", infrared)):
        lines = []
        for index in range(total):
            label, camera = index % train_people, 1 + index % 9
            name = f"{label + 1:04d}_c{camera:02d}_s{index}_f1_{word}.jpg"
            lines.append(f"{word}/{label + 1:04d}/{name} {label}\n")
        write_text(root / "idx" / f"train_{word}.txt", "".join(lines))
    test = range(train_people + 1, train_people + test_people + 1)
    text = ",".join(str(identity) for identity in test)
    write_text(root / "idx" / "test_id.txt", text)
    for word, cameras in (("vis", "123456789"), ("nir", "12456789")):
        for camera in cameras:
            for identity in test:
                folder = f"test_{word}/cam{camera}/{identity:04d}"
                for image in range(2):
                    name = f"{identity:04d}_c0{camera}_s{image}_f1_{word}.jpg"
                    link(root, f"{folder}/{name}", seed=image)
    return root


def make_folders(root: Path, names, images=3) -> Path:
    """Writes `<modality>/<name>/<image>.png`."""
    for modality in ("visible", "infrared"):
        for index, name in enumerate(names):
            for image in range(images):
                link(root, f"{modality}/{name}/{image}.png", seed=index)
    return root
