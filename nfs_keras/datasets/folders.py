"""Lists the images that lie in folders, and samples galleries from them."""

import random
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from nfs_keras.datasets.sample import Sample

IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


def list_images(folder: Path) -> list[Path]:
    """Lists a folder's image files, sorted; a missing folder has none."""
    if not folder.is_dir():
        return []
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in IMAGE_SUFFIXES
        and not file.name.startswith(".")
    )


def read_people(
    camera_folders: dict[Path, tuple[int, str]], identities: Iterable[int]
) -> list[Sample]:
    """Lists `<camera folder>/<identity as four digits>/<image>`.

    Args:
        camera_folders: The number and the modality of each camera's folder.
        identities: The people to list.

    Raises:
        ValueError: A person has no image in any folder.
    """
    samples = []
    for identity in identities:
        before = len(samples)
        for folder, (camera, modality) in camera_folders.items():
            for file in list_images(folder / f"{identity:04d}"):
                samples.append(Sample(str(file), identity, camera, modality))
        if len(samples) == before:
            folders = ", ".join(str(folder) for folder in camera_folders)
            raise ValueError(
                "Every listed identity needs images. "
                f"Received: identity={identity}, for whom there is no folder "
                f"{identity:04d}/ with an image in {folders}. "
                "Unpack the dataset again."
            )
    return samples


def sample_gallery(
    samples: Iterable[Sample], shots: int, seed: int
) -> list[Sample]:
    """Samples `shots` images of each person from each camera.

    The published evaluation code samples with Python's `random`, people in the
    outer loop and cameras in the inner, both ascending, from sorted file
    names. This function samples the same images.

    Raises:
        ValueError: A camera has fewer than `shots` images of a person.
    """
    groups = defaultdict(list)
    for sample in sorted(samples):
        groups[sample.identity, sample.camera].append(sample)
    rng = random.Random(seed)
    gallery = []
    for (identity, camera), group in sorted(groups.items()):
        if len(group) < shots:
            raise ValueError(
                f"A gallery of {shots} shots needs {shots} images of each "
                f"person from each camera. Received: {len(group)} images of "
                f"identity {identity} from camera {camera}. "
                "Use fewer shots, or unpack the dataset again."
            )
        gallery += rng.sample(group, shots)
    return gallery
