"""A synthetic dataset in the layout of LLCM."""

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

WORDS = {"visible": "vis", "infrared": "nir"}
PLACES = {camera: Place(camera, camera > 4) for camera in range(1, 10)}
MEETINGS = 4  # cameras that meet each person


def synthesize_llcm(
    root: str | Path,
    num_identities: int = 30,
    images_per_camera: int = 3,
    seed: int = 0,
    image_shape: tuple[int, int] = (128, 64),
    difficulty: float = DEFAULT_DIFFICULTY,
    num_workers: int | None = None,
    verbose: bool = True,
) -> Path:
    """Draws pedestrians as LLCM holds them on disk.

    It is meant for the protocol's sake and small. Nine cameras, each with
    surroundings and light of its own, photograph by day and by a
    near-infrared lamp; each person meets four of them. As in LLCM, 713 of
    1,064 people train, and camera 3 has no infrared test pictures.

    Args:
        root: Folder to make, with `idx/`, `vis/`, `nir/`, `test_vis/` and
            `test_nir/`.
        num_identities: Int, at least 3.
        images_per_camera: Positive int. Pictures of each person from each
            camera that met them, in each modality.
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
    recipe = Recipe("llcm", seed, tuple(image_shape), difficulty)
    check_recipe(recipe)
    check_integer("num_identities", num_identities, 3)
    check_integer("images_per_camera", images_per_camera, 1)
    train, test = _split(recipe, num_identities)
    shots = [
        shot
        for identity in range(1, num_identities + 1)
        for shot in _shots(recipe, identity, images_per_camera, test)
    ]
    texts = {"idx/test_id.txt": ",".join(map(str, test)) + "\n"}
    labels = {identity: label for label, identity in enumerate(train)}
    for modality, word in WORDS.items():
        texts[f"idx/train_{word}.txt"] = "".join(
            f"{shot.path} {labels[shot.identity]}\n"
            for shot in shots
            if shot.modality == modality and shot.identity in labels
        )
    return write_tree(root, recipe, shots, texts, num_workers, verbose)


def _split(recipe, num_identities):
    rng = generator(recipe, SPLIT, 0, 0)
    order = (1 + rng.permutation(num_identities)).tolist()
    count = round(num_identities * 713 / 1064)
    return sorted(order[:count]), sorted(order[count:])


def _shots(recipe, identity, images_per_camera, test):
    """Lists a person's pictures from the cameras that met them."""
    rng = generator(recipe, SPLIT, 1, identity)
    cameras = sorted(rng.choice(tuple(PLACES), MEETINGS, False).tolist())
    person, shots = f"{identity:04d}", []
    for modality, word in WORDS.items():
        number = 0
        for camera in cameras:
            if identity in test and (modality, camera) == ("infrared", 3):
                continue
            folder = word
            if identity in test:
                folder = f"test_{word}/cam{camera}"
            for _ in range(images_per_camera):
                number += 1
                name = f"{person}_c{camera:02d}_s1_f{number:03d}_{word}.jpg"
                path = f"{folder}/{person}/{name}"
                place = PLACES[camera]
                shots.append(Shot(path, identity, modality, number, place))
    return shots
