"""Writes a folder of synthetic images, in parallel and completely."""

import json
import multiprocessing
import os
import shutil
import zlib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import cv2
import keras

from nfs_keras.arguments import check_choice, check_integer
from nfs_keras.synthetic.image import Recipe, Shot, render_image

RECIPE_FILE = "synthetic.json"
SYNTHETIC_NOTE = (
    "Synthetic people: these scores cannot be compared with published ones."
)
FORMATS = ("bmp", "jpg", "png")
VERSION = 1  # raise it whenever the same recipe gives other images
CHUNK = 40  # images that a worker takes at a time


def write_tree(
    root: str | Path,
    recipe: Recipe,
    shots: Sequence[Shot],
    texts: dict[str, str],
    num_workers: int | None = None,
    verbose: bool = True,
) -> Path:
    """Renders images into a new folder, which appears only when complete.

    Beside the images it writes `synthetic.json`, with the recipe of the images.

    Args:
        root: Folder to create. It may exist if it is empty, or if it already
            contains the same tree: then nothing is done.
        recipe: A `Recipe`.
        shots: The images to render.
        texts: Contents of other files by path relative to `root`.
        num_workers: Number of processes, `None` for one per core. The
            images do not depend on it.
        verbose: Whether to show a progress bar.

    Returns:
        `root` as a `Path`.

    Raises:
        ValueError: `root` contains other files or cannot be written.
    """
    if num_workers is not None:
        check_integer("num_workers", num_workers, 1)
    for suffix in {Path(shot.path).suffix[1:] for shot in shots}:
        check_choice("image_format", suffix, FORMATS)
    root = Path(root)
    texts = {**texts, RECIPE_FILE: _stamp(recipe, shots)}
    if _is_complete(root, shots, texts):
        return root
    _check_free(root)
    with _staging(root) as staging:
        _write_texts(staging, texts)
        _render_all(staging, recipe, shots, num_workers, verbose)
        _publish(staging, root, shots, texts)
    return root


def _stamp(recipe, shots):
    """Describes a tree, to distinguish it from any other."""
    paths = "\n".join(shot.path for shot in shots)
    facts = {
        "drawing": VERSION,
        **recipe._asdict(),
        "pictures": len(shots),
        "paths_crc32": zlib.crc32(paths.encode()),
    }
    return json.dumps(facts, indent=2) + "\n"


def _is_complete(root, shots, texts):
    """Returns whether `root` contains exactly this tree."""
    try:
        return all(
            (root / name).read_text() == text for name, text in texts.items()
        ) and all((root / shot.path).is_file() for shot in shots)
    except OSError:
        return False


def _check_free(root):
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return
    raise ValueError(
        "A synthetic dataset needs a folder of its own. "
        f"Received: root={str(root)!r}, which contains other files. "
        "Delete it or name a folder that does not exist."
    )


@contextmanager
def _staging(root):
    """Creates a hidden folder beside `root`, and removes it after an error."""
    staging = root.parent / f".{root.name}.{os.getpid()}.partial"
    try:
        staging.mkdir(parents=True)
    except OSError as error:
        raise ValueError(
            "The folder of a synthetic dataset must be writable. "
            f"Received: root={str(root)!r} ({error.strerror}). "
            "Name a folder in a place where you can write."
        ) from error
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _write_texts(staging, texts):
    for name, text in texts.items():
        path = staging / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _render_all(staging, recipe, shots, num_workers, verbose):
    for folder in sorted({(staging / shot.path).parent for shot in shots}):
        folder.mkdir(parents=True, exist_ok=True)
    chunks = [shots[i : i + CHUNK] for i in range(0, len(shots), CHUNK)]
    bar = keras.utils.Progbar(len(shots), verbose=int(verbose))
    render = partial(_render_chunk, staging, recipe)
    with _parallel_map(num_workers, len(chunks)) as run:
        for count in run(render, chunks):
            bar.add(count)


@contextmanager
def _parallel_map(num_workers, num_tasks):
    """Yields a `map` that runs in several processes."""
    num_workers = min(num_workers or os.cpu_count() or 1, num_tasks)
    if num_workers == 1:
        yield map
        return
    # A forked worker need not import Keras again, which would take longer
    # than the rendering. OpenCV's threads do not survive a fork: stop them.
    forks = "fork" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("fork" if forks else "spawn")
    threads = cv2.getNumThreads()
    cv2.setNumThreads(0)
    try:
        with ProcessPoolExecutor(num_workers, context) as pool:
            yield pool.map
    finally:
        cv2.setNumThreads(threads)


def _render_chunk(staging, recipe, shots):
    for shot in shots:
        path = staging / shot.path
        image = render_image(recipe, shot)[..., ::-1]  # OpenCV writes BGR
        path.write_bytes(cv2.imencode(path.suffix, image)[1].tobytes())
    return len(shots)


def _publish(staging, root, shots, texts):
    if root.exists() and not any(root.iterdir()):
        root.rmdir()
    try:
        staging.rename(root)
    except OSError:
        # Another process may have written the same tree meanwhile.
        if not _is_complete(root, shots, texts):
            raise


def check_recipe(recipe: Recipe) -> None:
    """Raises `ValueError` for a bad seed, image shape or difficulty."""
    check_integer("seed", recipe.seed, 0)
    shape, difficulty = recipe.image_shape, recipe.difficulty
    sides = [side for side in shape if isinstance(side, int) and side >= 16]
    if len(shape) != 2 or len(sides) != 2:
        raise ValueError(
            "`image_shape` must be two integers of at least 16. "
            f"Received: image_shape={shape!r}. "
            "Pass (height, width) in pixels, such as (128, 64)."
        )
    if not 0 <= difficulty <= 1:
        raise ValueError(
            "`difficulty` must lie between 0 and 1. "
            f"Received: difficulty={difficulty!r}. "
            "Pass 0 for images that hardly vary, 1 for the hardest."
        )
