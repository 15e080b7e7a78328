"""Synthetic datasets with a thermal camera: like RegDB, and to pretrain on."""

from pathlib import Path

from nfs_keras.arguments import check_choice, check_integer
from nfs_keras.modalities import MODALITIES
from nfs_keras.synthetic.image import (
    DEFAULT_DIFFICULTY,
    SPLIT,
    Recipe,
    Shot,
    generator,
    person_of,
)
from nfs_keras.synthetic.tree import (
    FORMATS,
    check_recipe,
    write_tree,
)

NUM_TRIALS = 10
FOLDERS = {"visible": "Visible", "infrared": "Thermal"}
TABLE_FILE = "people.csv"
CHOICES = (("visible",), ("infrared",), MODALITIES)


def synthesize_regdb(
    root: str | Path,
    num_identities: int = 412,
    images_per_modality: int = 10,
    seed: int = 0,
    image_shape: tuple[int, int] = (128, 64),
    difficulty: float = DEFAULT_DIFFICULTY,
    image_format: str = "bmp",
    num_workers: int | None = None,
    verbose: bool = True,
) -> Path:
    """Writes a synthetic dataset in the layout of RegDB.

    The folder appears only when it is complete. If it already contains the
    same dataset, nothing is done.

    Args:
        root: Folder to create, with `Visible/`, `Thermal/` and `idx/`.
        num_identities: Int, at least 2. Half of them, rounded down, train
            in each of the ten trials; the others test.
        images_per_modality: Positive int. Images of each person and
            modality.
        seed: Non-negative int. The same seed gives the same bytes.
        image_shape: `(height, width)` in pixels.
        difficulty: Float in [0, 1]. Scales everything that differs between
            images of one person.
        image_format: `"bmp"` as in RegDB, `"png"` or `"jpg"`.
        num_workers: Number of processes, `None` for one per core. The
            images do not depend on it.
        verbose: Whether to show a progress bar.

    Returns:
        `root` as a `Path`.

    Raises:
        ValueError: An argument is out of range, or `root` contains other
            files or cannot be written.

    Example:

    ```python
    synthesize_regdb("data/people")
    dataset = RegDB("data/people", trial=1)
    ```
    """
    recipe = Recipe("regdb", seed, tuple(image_shape), difficulty)
    check_recipe(recipe)
    check_integer("num_identities", num_identities, 2)
    check_integer("images_per_modality", images_per_modality, 1)
    check_choice("image_format", image_format, FORMATS)
    shots = [
        shot
        for identity in range(1, num_identities + 1)
        for shot in _shots(recipe, identity, images_per_modality, image_format)
    ]
    texts = {}
    for trial in range(1, NUM_TRIALS + 1):
        texts |= _split(recipe, shots, num_identities, trial)
    return write_tree(root, recipe, shots, texts, num_workers, verbose)


def synthesize_people(
    root: str | Path,
    num_identities: int = 2000,
    images_per_modality: int = 4,
    modalities: tuple[str, ...] = ("visible",),
    seed: int = 0,
    image_shape: tuple[int, int] = (128, 64),
    difficulty: float = DEFAULT_DIFFICULTY,
    image_format: str = "jpg",
    num_workers: int | None = None,
    verbose: bool = True,
) -> Path:
    """Writes a synthetic dataset to pretrain on: many people, few images each.

    It has the role of ImageNet for the real benchmarks. No person of it is in
    a synthetic benchmark, whatever the seeds. The table `people.csv` assigns
    all people to the training half:
    `FolderDataset(root, csv_file="people.csv").train` reads them.

    Args:
        root: Folder to create, with `<modality>/<identity>/` and `people.csv`.
        num_identities: Positive int.
        images_per_modality: Positive int. Images of each person and
            modality.
        modalities: `("visible",)`, `("infrared",)`, which is thermal, or
            `("visible", "infrared")`.
        seed: As for `synthesize_regdb`, and so are `image_shape`,
            `difficulty`, `num_workers` and `verbose`.
        image_format: `"jpg"`, `"png"` or `"bmp"`.

    Returns:
        `root` as a `Path`.

    Raises:
        ValueError: An argument is out of range, or `root` contains other
            files or cannot be written.
    """
    recipe = Recipe("people", seed, tuple(image_shape), difficulty)
    check_recipe(recipe)
    check_integer("num_identities", num_identities, 1)
    check_integer("images_per_modality", images_per_modality, 1)
    check_choice("image_format", image_format, FORMATS)
    check_choice("modalities", tuple(modalities), CHOICES)
    shots = [
        Shot(
            f"{modality}/{identity:05d}/{number:02d}.{image_format}",
            identity,
            modality,
            number,
        )
        for modality in modalities
        for identity in range(1, num_identities + 1)
        for number in range(1, images_per_modality + 1)
    ]
    rows = [
        f"{shot.path},{shot.identity:05d},{shot.modality},train\n"
        for shot in shots
    ]
    table = "path,identity,modality,split\n" + "".join(rows)
    texts = {TABLE_FILE: table}
    return write_tree(root, recipe, shots, texts, num_workers, verbose)


def _shots(recipe, identity, images_per_modality, image_format):
    """Lists a person's images, with file names like RegDB's."""
    person = person_of(recipe, identity)
    shots = []
    for modality, folder in FOLDERS.items():
        start = f"{person.gender}_{person.view}_{folder[0].lower()}"
        for number in range(1, images_per_modality + 1):
            frame = (identity - 1) * images_per_modality + number
            name = f"{start}_{frame:05d}_{identity}.{image_format}"
            path = f"{folder}/{identity}/{name}"
            shots.append(Shot(path, identity, modality, number))
    return shots


def _split(recipe, shots, num_identities, trial):
    """Writes a trial's four lists; labels count each half from 0."""
    rng = generator(recipe, SPLIT, trial, 0)
    order = 1 + rng.permutation(num_identities)
    half = num_identities // 2
    texts = {}
    for subset, chosen in ("train", order[:half]), ("test", order[half:]):
        labels = {int(x): label for label, x in enumerate(sorted(chosen))}
        for modality, folder in FOLDERS.items():
            name = f"idx/{subset}_{folder.lower()}_{trial}.txt"
            texts[name] = "".join(
                f"{shot.path} {labels[shot.identity]}\n"
                for shot in shots
                if shot.modality == modality and shot.identity in labels
            )
    return texts
