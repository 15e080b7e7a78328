"""Synthetic datasets like SYSU-MM01 and LLCM, with near-infrared cameras."""

from pathlib import Path

from nfs_keras.arguments import check_integer
from nfs_keras.synthetic.image import (
    DEFAULT_DIFFICULTY,
    SPLIT,
    Place,
    Recipe,
    Shot,
    generator,
)
from nfs_keras.synthetic.tree import check_recipe, write_tree

# Cameras 2 and 3 stand in the same room.
SYSU_CAMERAS = {
    1: ("visible", Place(1, outdoors=False)),
    2: ("visible", Place(2, outdoors=False)),
    3: ("infrared", Place(2, outdoors=False)),
    4: ("visible", Place(4, outdoors=True)),
    5: ("visible", Place(5, outdoors=True)),
    6: ("infrared", Place(6, outdoors=True)),
}
ATTENDANCE = 0.8  # probability that an SYSU-MM01 camera has seen a person

LLCM_FOLDERS = {"visible": "vis", "infrared": "nir"}
LLCM_PLACES = {camera: Place(camera, camera > 4) for camera in range(1, 10)}
CAMERAS_PER_PERSON = 4


def synthesize_sysu_mm01(
    root: str | Path,
    num_identities: int = 130,
    images_per_camera: int = 10,
    seed: int = 0,
    image_shape: tuple[int, int] = (128, 64),
    difficulty: float = DEFAULT_DIFFICULTY,
    num_workers: int | None = None,
    verbose: bool = True,
) -> Path:
    """Writes a synthetic dataset in the layout of SYSU-MM01.

    Six cameras, each with surroundings and light of its own, use daylight (1,
    2, 4, 5) or a near-infrared lamp (3, 6); cameras 2 and 3 have the same
    surroundings. Not every camera sees every person, but each person is seen
    in both modalities. People are divided in about the same ratio as in
    SYSU-MM01: 296 train, 99 validate and 96 test out of 491. By default there
    are 25 people to test on, enough for ranks up to 20.

    Args:
        root: Folder to create, with `cam1/` to `cam6/` and `exp/`.
        num_identities: Int, at least 3.
        images_per_camera: Positive int. Images of each person from each
            camera that saw them; the multi-shot protocol needs 10.
        seed: As for `synthesize_regdb`, and so are `image_shape`,
            `difficulty`, `num_workers` and `verbose`.

    Returns:
        `root` as a `Path`.

    Raises:
        ValueError: An argument is out of range, or `root` contains other
            files or cannot be written.
    """
    recipe = Recipe("sysu_mm01", seed, tuple(image_shape), difficulty)
    check_recipe(recipe)
    check_integer("num_identities", num_identities, 3)
    check_integer("images_per_camera", images_per_camera, 1)
    shots = [
        shot
        for identity in range(1, num_identities + 1)
        for shot in _sysu_shots(recipe, identity, images_per_camera)
    ]
    texts = _sysu_split(recipe, num_identities)
    return write_tree(root, recipe, shots, texts, num_workers, verbose)


def synthesize_llcm(
    root: str | Path,
    num_identities: int = 66,
    images_per_camera: int = 3,
    seed: int = 0,
    image_shape: tuple[int, int] = (128, 64),
    difficulty: float = DEFAULT_DIFFICULTY,
    num_workers: int | None = None,
    verbose: bool = True,
) -> Path:
    """Writes a synthetic dataset in the layout of LLCM.

    Nine cameras, each with surroundings and light of its own, take images in
    daylight and with a near-infrared lamp; each person is seen by four of
    them. As in LLCM, 713 of 1,064 people train, and camera 3 has no infrared
    test images. By default there are 22 people to test on, enough for ranks
    up to 20.

    Args:
        root: Folder to create, with `idx/`, `vis/`, `nir/`, `test_vis/` and
            `test_nir/`.
        num_identities: Int, at least 3.
        images_per_camera: Positive int. Images of each person from each
            camera that saw them, in each modality.
        seed: As for `synthesize_regdb`, and so are `image_shape`,
            `difficulty`, `num_workers` and `verbose`.

    Returns:
        `root` as a `Path`.

    Raises:
        ValueError: An argument is out of range, or `root` contains other
            files or cannot be written.
    """
    recipe = Recipe("llcm", seed, tuple(image_shape), difficulty)
    check_recipe(recipe)
    check_integer("num_identities", num_identities, 3)
    check_integer("images_per_camera", images_per_camera, 1)
    train, test = _llcm_split(recipe, num_identities)
    shots = [
        shot
        for identity in range(1, num_identities + 1)
        for shot in _llcm_shots(recipe, identity, images_per_camera, test)
    ]
    texts = {"idx/test_id.txt": ",".join(map(str, test)) + "\n"}
    labels = {identity: label for label, identity in enumerate(train)}
    for modality, folder in LLCM_FOLDERS.items():
        texts[f"idx/train_{folder}.txt"] = "".join(
            f"{shot.path} {labels[shot.identity]}\n"
            for shot in shots
            if shot.modality == modality and shot.identity in labels
        )
    return write_tree(root, recipe, shots, texts, num_workers, verbose)


def _sysu_shots(recipe, identity, images_per_camera):
    """Lists a person's images from the cameras that saw them."""
    shots = []
    numbers = {"visible": 0, "infrared": 0}
    for camera in _sysu_cameras(recipe, identity):
        modality, place = SYSU_CAMERAS[camera]
        for image in range(1, images_per_camera + 1):
            numbers[modality] += 1
            path = f"cam{camera}/{identity:04d}/{image:04d}.jpg"
            number = numbers[modality]
            shots.append(Shot(path, identity, modality, number, place))
    return shots


def _sysu_cameras(recipe, identity):
    """Samples the cameras that saw a person: at least one of each modality."""
    rng = generator(recipe, SPLIT, 1, identity)
    seen = set(rng.choice((1, 2, 4, 5), 1)) | set(rng.choice((3, 6), 1))
    chances = rng.random(len(SYSU_CAMERAS))
    seen |= {c for c, chance in enumerate(chances, 1) if chance < ATTENDANCE}
    return sorted(int(camera) for camera in seen)


def _sysu_split(recipe, num_identities):
    """Writes the four lists of identities."""
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


def _llcm_split(recipe, num_identities):
    """Samples the identities to train and to test on."""
    rng = generator(recipe, SPLIT, 0, 0)
    order = (1 + rng.permutation(num_identities)).tolist()
    count = round(num_identities * 713 / 1064)
    return sorted(order[:count]), sorted(order[count:])


def _llcm_shots(recipe, identity, images_per_camera, test):
    """Lists a person's images from the cameras that saw them."""
    rng = generator(recipe, SPLIT, 1, identity)
    cameras = rng.choice(tuple(LLCM_PLACES), CAMERAS_PER_PERSON, False)
    person, shots = f"{identity:04d}", []
    for modality, word in LLCM_FOLDERS.items():
        number = 0
        for camera in sorted(cameras.tolist()):
            if identity in test and (modality, camera) == ("infrared", 3):
                continue
            folder = f"test_{word}/cam{camera}" if identity in test else word
            for _ in range(images_per_camera):
                number += 1
                name = f"{person}_c{camera:02d}_s1_f{number:03d}_{word}.jpg"
                path = f"{folder}/{person}/{name}"
                place = LLCM_PLACES[camera]
                shots.append(Shot(path, identity, modality, number, place))
    return shots
