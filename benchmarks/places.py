"""Makes places of aligned visible and thermal images into identities.

    python -m benchmarks.places ROADSCENE OUTPUT --half=development
    python -m benchmarks.study --data=OUTPUT --dataset=places_tiny \
        --rows=plain,searched_compact

ROADSCENE is a folder of RoadScene (github.com/hanna-xu/RoadScene: 221 pairs of
road scenes in `visible/` and `infrared/`, the same name for the same scene; Xu
et al., TPAMI 2020). A region of a scene is an identity, several jittered crops
of it are its images, and scenes are divided between training and test. It is
the closest to the paper's setting that needs no permission: two real sensors,
few images. What it is not: people, cameras apart, time between images.
"""

import csv
import itertools
import pathlib

import cv2
import numpy as np
from absl import app, flags

from nfs_keras.modalities import MODALITIES

GRID = (2, 6)  # regions of a scene: rows, columns
CROPS = 4  # images of a region in each modality
JITTER = 0.12  # of a region's size: how far a crop's corners move
FLAT = 8.0  # gray values: a region that varies less shows nothing
FLAGS = flags.FLAGS
flags.DEFINE_enum(
    "half", "development", ["development", "test"], "Which scenes."
)


def scenes_of(root, half):
    """Names of every second scene, so that both halves see all roads."""
    names = sorted(file.name for file in (root / "visible").iterdir())
    return names[0::2] if half == "development" else names[1::2]


def regions(shape):
    """Gives `(top, left, height, width)` of each region of a scene."""
    height, width = (n // parts for n, parts in zip(shape, GRID, strict=True))
    for row, column in itertools.product(*map(range, GRID)):
        yield row * height, column * width, height, width


def jittered(image, region, generator):
    """A crop around a region whose corners have moved by chance."""
    top, left, height, width = region
    bounds = np.array([top, left, top + height, left + width], "float64")
    bounds += generator.uniform(-JITTER, JITTER, 4) * np.tile(
        (height, width), 2
    )
    top, left, bottom, right = bounds.round().astype(int).clip(0)
    return image[top:bottom, left:right]


def write_scene(root, output, name, generator):
    """Writes the crops of a scene; yields `(path, identity, modality)`."""
    images = {m: cv2.imread(str(root / m / name)) for m in MODALITIES}
    for number, region in enumerate(regions(images["visible"].shape[:2])):
        top, left, height, width = region
        parts = [
            x[top : top + height, left : left + width] for x in images.values()
        ]
        if min(part.std() for part in parts) < FLAT:
            continue
        identity = f"{pathlib.Path(name).stem}-{number}"
        for modality, image in images.items():
            for crop in range(CROPS):
                path = f"{modality}/{identity}-{crop}.png"
                pixels = jittered(image, region, generator)
                cv2.imwrite(str(output / path), pixels)
                yield path, identity, modality


def make_places(root, output, half):
    """Writes a folder with `images.csv` that `open_dataset` reads.

    Args:
        root: Folder of RoadScene.
        output: Folder to write, new.
        half: `"development"` or `"test"`: which half of the scenes.
    """
    root, output = pathlib.Path(root), pathlib.Path(output)
    for modality in MODALITIES:
        (output / modality).mkdir(parents=True)
    generator = np.random.default_rng(0)
    with open(output / "images.csv", "w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["path", "identity", "modality", "split"])
        for i, name in enumerate(scenes_of(root, half)):
            split = ("train", "test")[i % 2]
            for row in write_scene(root, output, name, generator):
                lines.writerow([*row, split])


def main(words):
    if len(words) != 3:
        raise app.UsageError("Give the folder of RoadScene and a new folder.")
    for name in MODALITIES:
        if not pathlib.Path(words[1], name).is_dir():
            raise app.UsageError(
                f"RoadScene is a folder with {' and '.join(MODALITIES)}. "
                f"Received: {words[1]!r}, without {name}. Give the folder that"
                " holds both."
            )
    if pathlib.Path(words[2]).exists():
        raise app.UsageError(
            f"Places need a new folder. Received: {words[2]!r}, which exists. "
            "Name another."
        )
    make_places(words[1], words[2], FLAGS.half)


if __name__ == "__main__":
    app.run(main)
