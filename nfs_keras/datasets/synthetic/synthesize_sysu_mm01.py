"""A synthetic dataset in the layout of SYSU-MM01."""

from pathlib import Path

from nfs_keras.datasets.synthetic.checks import check_integer, check_recipe
from nfs_keras.datasets.synthetic.picture import (
    DEFAULT_DIFFICULTY,
    SPLIT,
    Place,
    Recipe,
    Shot,
    generator,
)
from nfs_keras.datasets.synthetic.tree import write_tree

# Cameras 2 and 3 stand in the same room.
CAMERAS = {
    1: ("visible", Place(1, outdoors=False)),
    2: ("visible", Place(2, outdoors=False)),
    3: ("infrared", Place(2, outdoors=False)),
    4: ("visible", Place(4, outdoors=True)),
    5: ("visible", Place(5, outdoors=True)),
    6: ("infrared", Place(6, outdoors=True)),
}
ATTENDANCE = 0.8  # how likely a camera is to have met a person


def synthesize_sysu_mm01(
    root: str | Path,
    num_identities: int = 30,
    images_per_camera: int = 10,
    seed: int = 0,
    image_shape: tuple[int, int] = (128, 64),
    difficulty: float = DEFAULT_DIFFICULTY,
    num_workers: int | None = None,
    verbose: bool = True,
) -> Path:
    """Draws pedestrians as SYSU-MM01 holds them on disk.

    It is meant for the protocol's sake and small. Six cameras, each with
    surroundings and light of its own, photograph by daylight (1, 2, 4, 5)
    or by a near-infrared lamp (3, 6); cameras 2 and 3 share a room. Not
    every camera meets every person, but each person is met in both
    modalities. People are divided about as SYSU-MM01's are: 296 train, 99
    validate and 96 test out of 491.

    Args:
        root: Folder to make, with `cam1/` to `cam6/` and `exp/`.
        num_identities: Int, at least 3.
        images_per_camera: Positive int. Pictures of each person from each
            camera that met them; the multi-shot protocol needs 10.
        seed: Non-negative int. The same seed draws the same bytes.
        image_shape: `(height, width)` in pixels.
        difficulty: Float in [0, 1]. Scales everything that differs between
            pictures of one person.
        num_workers: Number of processes, `None` for one per core. The
            pictures do not depend on it.
        verbose: Whether to show a progress bar.

    Returns:
        `root` as a `Path`.

    Raises:
        ValueError: An argument is out of range, or `root` holds something
            else or cannot be written.
    """
    recipe = Recipe("sysu_mm01", seed, tuple(image_shape), difficulty)
    check_recipe(recipe)
    check_integer("num_identities", num_identities, 3)
    check_integer("images_per_camera", images_per_camera, 1)
    shots = [
        shot
        for identity in range(1, num_identities + 1)
        for shot in _shots(recipe, identity, images_per_camera)
    ]
    texts = _split(recipe, num_identities)
    return write_tree(root, recipe, shots, texts, num_workers, verbose)


def _shots(recipe, identity, images_per_camera):
    """Lists a person's pictures from the cameras that met them."""
    shots = []
    numbers = {"visible": 0, "infrared": 0}
    for camera in _cameras_of(recipe, identity):
        modality, place = CAMERAS[camera]
        for image in range(1, images_per_camera + 1):
            numbers[modality] += 1
            path = f"cam{camera}/{identity:04d}/{image:04d}.jpg"
            number = numbers[modality]
            shots.append(Shot(path, identity, modality, number, place))
    return shots


def _cameras_of(recipe, identity):
    rng = generator(recipe, SPLIT, 1, identity)
    met = set(rng.choice((1, 2, 4, 5), 1)) | set(rng.choice((3, 6), 1))
    chance = dict(zip(CAMERAS, rng.random(len(CAMERAS)), strict=True))
    met |= {camera for camera in CAMERAS if chance[camera] < ATTENDANCE}
    return sorted(int(camera) for camera in met)


def _split(recipe, num_identities):
    rng = generator(recipe, SPLIT, 0, 0)
    order = 1 + rng.permutation(num_identities)
    test = max(1, round(num_identities * 96 / 491))
    val = max(1, round(num_identities * 99 / 491))
    subsets = {
        "available": order,
        "test": order[:test],
        "val": order[test : test + val],
        "train": order[test + val :],
    }
    return {
        f"exp/{name}_id.txt": ",".join(map(str, sorted(chosen))) + "\n"
        for name, chosen in subsets.items()
    }
