"""A synthetic crowd to pretrain on."""

from pathlib import Path

from nfs_keras.datasets.synthetic.checks import (
    check_choice,
    check_integer,
    check_recipe,
)
from nfs_keras.datasets.synthetic.picture import (
    DEFAULT_DIFFICULTY,
    MODALITIES,
    Recipe,
    Shot,
)
from nfs_keras.datasets.synthetic.tree import FORMATS, write_tree

TABLE_FILE = "people.csv"
CHOICES = (("visible",), ("infrared",), MODALITIES)


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
    """Draws a world to pretrain on: many people, few pictures of each.

    It plays the part that ImageNet plays for the real benchmarks. Nobody in
    it appears in any synthetic benchmark, whatever their seeds. The table
    `people.csv` puts everybody into the training half:
    `FolderDataset(root, csv_file="people.csv").train` reads them.

    Args:
        root: Folder to make, with `<modality>/<identity>/` and `people.csv`.
        num_identities: Positive int.
        images_per_modality: Positive int. Pictures of each person and
            modality.
        modalities: `("visible",)`, `("infrared",)`, which is thermal, or
            `("visible", "infrared")`.
        seed: Non-negative int. The same seed draws the same bytes.
        image_shape: `(height, width)` in pixels.
        difficulty: Float in [0, 1]. Scales everything that differs between
            pictures of one person.
        image_format: `"jpg"`, `"png"` or `"bmp"`.
        num_workers: Number of processes, `None` for one per core. The
            pictures do not depend on it.
        verbose: Whether to show a progress bar.

    Returns:
        `root` as a `Path`.

    Raises:
        ValueError: An argument is out of range, or `root` holds something
            else or cannot be written.
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
