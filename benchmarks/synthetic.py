"""How hard synthetic people are to find again, and by what.

    python benchmarks/synthetic.py           # a minute on two idle cores
    python benchmarks/synthetic.py --smoke   # seconds

Nothing is learned. Images are compared by one feature, and rank-1 is the
share of images whose nearest other image shows the same person. Edges are
what both cameras see; the border of an image and the hue of the clothes are
shortcuts: they find a person within one modality and not across.
"""

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np

from nfs_keras.datasets import synthesize_regdb

FOLDERS = {"visible": "Visible", "infrared": "Thermal"}
ANGLES = 6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="tiny sizes")
    num_identities = 10 if parser.parse_args().smoke else 206
    print(f"rank-1 in percent, {num_identities} people, 4 + 4 images each")
    print("| difficulty | feature | visible | thermal | visible to thermal |")
    print("| --- | --- | --- | --- | --- |")
    for difficulty in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        with tempfile.TemporaryDirectory() as folder:
            root = synthesize_regdb(
                Path(folder) / "people",
                num_identities,
                images_per_modality=4,
                difficulty=difficulty,
                verbose=False,
            )
            compare_features(root, difficulty, num_identities)


def compare_features(root, difficulty, num_identities):
    """Prints rank-1 by single features."""
    sides = {m: load(root, m, num_identities) for m in FOLDERS}
    for feature in edges, border, hue:
        visible, thermal = (
            (np.stack([feature(image) for image in images]), people)
            for images, people in sides.values()
        )
        scores = [
            rank1(visible, visible),
            rank1(thermal, thermal),
            rank1(visible, thermal),
        ]
        cells = " | ".join(f"{score:.1f}" for score in scores)
        print(f"| {difficulty} | {feature.__name__} | {cells} |", flush=True)


def load(root, modality, num_identities):
    """Reads the images at 64 x 32."""
    images, people = [], []
    for identity in range(1, num_identities + 1):
        folder = root / FOLDERS[modality] / str(identity)
        for file in sorted(folder.iterdir()):
            image = cv2.imread(str(file))
            images.append(
                cv2.resize(image, (32, 64), None, 0, 0, cv2.INTER_AREA)
            )
            people.append(identity)
    return images, np.array(people)


def edges(image):
    """Histograms of edge angles, whichever side is the brighter."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    dx, dy = (cv2.Sobel(grey, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    angle = np.arctan2(dy, dx) % np.pi * (ANGLES / np.pi)
    strength = np.hypot(dx, dy)
    maps = [
        strength * np.clip(1 - np.abs((angle - i + 3) % ANGLES - 3), 0, 1)
        for i in range(ANGLES)
    ]
    cells = [cv2.resize(m, (8, 16), None, 0, 0, cv2.INTER_AREA) for m in maps]
    histogram = np.sqrt(np.stack(cells)[:, :, 1:-1].ravel())
    return histogram / np.linalg.norm(histogram)


def border(image):
    """The outermost four columns left and right."""
    return image[:, [0, 1, 2, 3, -4, -3, -2, -1]].ravel() / 255.0


def hue(image):
    """Mean colour of each twelfth of the clothes, of equal brightness."""
    clothes = cv2.resize(
        image[12:60, 10:22], (1, 12), None, 0, 0, cv2.INTER_AREA
    )
    colour = clothes.astype(float) + 1
    return (colour / colour.sum(axis=2, keepdims=True)).ravel()


def rank1(query, gallery):
    """Percent of queries whose nearest neighbour is the same person."""
    (x, x_people), (y, y_people) = query, gallery
    distances = (y**2).sum(1) - 2 * x @ y.T
    if query is gallery:
        np.fill_diagonal(distances, np.inf)
    nearest = y_people[distances.argmin(axis=1)]
    return 100 * np.mean(nearest == x_people)


if __name__ == "__main__":
    main()
