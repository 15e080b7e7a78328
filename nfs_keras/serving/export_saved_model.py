"""Writes a trained network as a SavedModel for TF-Serving."""

import pathlib
import shutil
import warnings

import keras
import tensorflow as tf

from nfs_keras.layers import find_gates
from nfs_keras.modalities import MODALITIES
from nfs_keras.models import Architecture, compact
from nfs_keras.serving.deployment_files import write_deployment_files
from nfs_keras.serving.endpoints import endpoints
from nfs_keras.serving.guarded_decoding import MAX_PIXELS
from nfs_keras.serving.manifest import write_manifest
from nfs_keras.serving.match_probability import MatchProbability
from nfs_keras.serving.model_card import write_model_card
from nfs_keras.serving.warm_up import write_warm_up

PRECISIONS = ("float32", "bfloat16", "float16")


def export_saved_model(
    network,
    directory,
    version: int | None = None,
    compact: bool = True,
    precision: str = "float32",
    match_probability: MatchProbability | None = None,
    max_pixels: int = MAX_PIXELS,
    run=None,
) -> pathlib.Path:
    """Exports a network to `directory/<version>/`, ready for TF-Serving.

    The endpoints, with a batch of any size B from 1 on:

    | endpoint | inputs | outputs |
    | --- | --- | --- |
    | `visible`, `infrared` | `image_bytes` (B,) string: JPEG, PNG or BMP \
files | `embedding` (B, D) float32, L2-normalised, zero where the file is \
broken; `valid` (B,) bool |
    | `visible_pixels`, `infrared_pixels` | `image` (B, H, W, 3) uint8, RGB, \
H x W at most a sixteenth of `max_pixels` | `embedding` |
    | `match` | `query` (B, Q, D), `gallery` (B, G, D) float32: two sets of \
embeddings in each of B comparisons, Q x G at most 2^20 | `similarity` \
(B, Q, G); `probability` of one person, if calibrated |
    | `model_version` | `row` (B,) int32, any | `model_version` (B,) string: \
the fingerprint of the encoders |
    | `serving_default` | as `visible` | as `visible` |

    Decoding, resizing and normalisation are part of the model, by the
    functions of the training. Weights become constants of the graph. The
    version is written completely and then renamed, so that a server which
    watches `directory` never loads half of it. It contains warm-up requests, a
    `model_card.md` and a manifest, see `verify_manifest`; beside it are the
    files of `write_deployment_files`.

    Args:
        network: A trained `ReIDNetwork`, or anything with `image_shape` and
            `encoder(modality)`.
        directory: Directory of all versions of this model.
        version: Positive integer. Defaults to one more than the highest
            existing version, or `1`.
        compact: Whether to derive and compact the network first, separately
            for each modality; the embeddings stay the same. Defaults to
            `True`.
        precision: Of the kernels and of the computations with them:
            `"float32"`, or `"bfloat16"` or `"float16"` for machines that are
            faster with it. Defaults to `"float32"`.
        match_probability: Calibration of `match`, from
            `fit_match_probability`. Defaults to `None`: no `probability`.
        max_pixels: A file whose header announces a larger image counts as
            broken. Defaults to 2048 x 2048.
        run: Path of the run folder that the model card describes. Defaults to
            `None`.

    Returns:
        Path of the version, `directory/<version>`.

    Raises:
        ValueError: For an unknown precision, a version that exists, or a
            network that cannot be compacted.
    """
    check_precision(precision)
    root = pathlib.Path(directory)
    version = next_version(root) if version is None else version
    target = free_place(root, version)
    half_written = root / f".{version}.part"
    shutil.rmtree(half_written, ignore_errors=True)
    functions = endpoints(
        serving_encoders(network, compact),
        tuple(network.image_shape),
        precision,
        match_probability,
        max_pixels,
    )
    tf.saved_model.save(tf.Module(), str(half_written), signatures=functions)
    add_warm_up(half_written)
    write_model_card(half_written, precision, run)
    write_manifest(half_written)
    half_written.rename(target)
    write_deployment_files(root)
    return target


def check_precision(precision: str) -> None:
    """Raises `ValueError` for an unknown precision."""
    if precision not in PRECISIONS:
        raise ValueError(
            f"`precision` must be one of {PRECISIONS}. "
            f"Received: precision={precision!r}. "
            "Pass 'float32' unless the machine is faster with another."
        )


def next_version(root: pathlib.Path) -> int:
    """Returns one more than the highest version in `root`."""
    names = [path.name for path in root.glob("*")]
    return max((int(x) for x in names if x.isdecimal()), default=0) + 1


def free_place(root: pathlib.Path, version: int) -> pathlib.Path:
    """Returns the path of a new version, or raises if it exists."""
    target = root / str(version)
    if version < 1 or target.exists():
        raise ValueError(
            "A version must be a positive integer that does not exist yet. "
            f"Received: version={version!r}, directory={str(root)!r}. "
            "Leave `version` out to use the next one."
        )
    root.mkdir(parents=True, exist_ok=True)
    return target


def add_warm_up(directory: pathlib.Path) -> None:
    """Writes the warm-up, or warns that the first request will be slow."""
    try:
        write_warm_up(directory)
    except ImportError as error:
        warnings.warn(
            f"The model is exported without warm-up requests. {error}",
            stacklevel=3,
        )


def serving_encoders(network, compacted=True):
    """Makes the encoders to export, derived and compacted.

    Gates that still search are derived first, on a copy: the network is not
    changed. Each modality is compacted separately, so that channels are
    removed that only the other modality keeps.

    Args:
        network: `ReIDNetwork`, or anything with `encoder(modality)`.
        compacted: Whether to derive and compact. Defaults to `True`; there is
            nothing to remove in a network without gates.

    Returns:
        Dict from `"visible"` and `"infrared"` to a `keras.Model` from images
        to L2-normalised embeddings.

    Raises:
        ValueError: If the network cannot be compacted.
    """
    gates = find_gates(network) if isinstance(network, keras.Layer) else []
    if not compacted or not gates:
        return {name: network.encoder(name) for name in MODALITIES}
    if not all(gate.is_frozen for gate in gates):
        network = copy_of(network)
        Architecture.derive(network).apply(network)
    return {name: compact(network, name).encoder(name) for name in MODALITIES}


def copy_of(network):
    """Copies a network with its weights."""
    copy = type(network).from_config(network.get_config())
    copy.set_weights(network.get_weights())
    return copy
