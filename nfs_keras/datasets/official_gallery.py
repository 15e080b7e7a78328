"""Draws SYSU-MM01's galleries as its authors' evaluation program does."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from nfs_keras.datasets.sample import Sample


def official_gallery(
    samples: Iterable[Sample], file: Path, shots: int, trial: int
) -> list[Sample]:
    """Takes the pictures that `rand_perm_cam.mat` lists first.

    Args:
        samples: All test samples of the gallery's cameras. Their file names
            are the picture numbers.
        file: Path of `rand_perm_cam.mat`.
        shots: Pictures of each person and camera.
        trial: Int from 0 to 9.

    Raises:
        ValueError: The file is missing or no such file, or lists a picture
            that is not in `samples`.
        ImportError: SciPy is not installed.
    """
    numbered = {
        (s.camera, s.identity, int(Path(s.path).stem)): s for s in samples
    }
    permutations = read_permutations(file)
    gallery = []
    for camera, identity in sorted({key[:2] for key in numbered}):
        orders = permutations.get((camera, identity), np.empty((0, 0)))
        drawn = [
            int(number) for number in orders[trial : trial + 1, :shots].flat
        ]
        keys = [(camera, identity, number) for number in drawn]
        if len(keys) < shots or not numbered.keys() >= set(keys):
            raise ValueError(
                "The gallery file must list pictures that exist. "
                f"Received: {str(file)!r}, which for camera {camera} and "
                f"identity {identity} lists {drawn} in trial {trial}. "
                "Take both the file and the pictures from the authors."
            )
        gallery += [numbered[key] for key in keys]
    return gallery


def read_permutations(file: Path) -> dict[tuple[int, int], np.ndarray]:
    """Reads the order of each person's pictures from each camera.

    The MATLAB file holds a cell for each camera, in it a cell for each
    identity, in it a matrix of picture numbers, all counted from 1.

    Returns:
        The matrices, of shape `(trials, pictures)`, by camera and identity.
    """
    cameras = np.ravel(load_matlab(file, "rand_perm_cam"))
    return {
        (camera, identity): np.atleast_2d(matrix)
        for camera, people in enumerate(cameras, start=1)
        for identity, matrix in enumerate(np.ravel(people), start=1)
    }


def load_matlab(file: Path, name: str) -> np.ndarray:
    """Loads one variable of a MATLAB file."""
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise ImportError(
            'Reading MATLAB files needs SciPy: pip install "nfs_keras[sysu]".'
        ) from error
    try:
        return loadmat(file, variable_names=[name])[name]
    except (OSError, ValueError, KeyError, NotImplementedError) as error:
        raise ValueError(
            f"The official gallery needs the variable `{name}` of the "
            f"dataset's MATLAB file. Received: file={str(file)!r}: {error}. "
            "Copy the file from the authors' evaluation code into exp/, or "
            "use sampler='seeded'."
        ) from None
