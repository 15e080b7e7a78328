"""A small searched network and its SavedModel, made once for all tests."""

import atexit
import functools
import io
import pathlib
import shutil
import tempfile

import keras
import numpy as np
from PIL import Image
from search_cases import shallow_backbone

from nfs_keras.layers import find_gates
from nfs_keras.models import Architecture, compact, reid_network
from nfs_keras.serving import MatchProbability, export_saved_model

IMAGE_SHAPE = (32, 16, 3)
MODALITIES = ("visible", "infrared")
CURVE = MatchProbability(slope=8.0, intercept=-4.0)


def searched_network(seed=0):
    """A network whose gates chose at random and are still searching."""
    keras.utils.set_random_seed(seed)
    block = {"filters": 128, "inner": 128, "stride": 2, "project": True}
    backbone = shallow_backbone([block])
    network = reid_network(backbone, IMAGE_SHAPE, num_identities=4)
    rng = np.random.default_rng(seed)
    for gate in find_gates(network):
        gate.logits.assign(rng.normal(0.3, 1.0, gate.logits.shape))
    return network


@functools.cache
def encoders():
    """The encoders of the derived and compacted network, in memory."""
    network = searched_network()
    Architecture.derive(network).apply(network)
    return {name: compact(network, name).encoder(name) for name in MODALITIES}


@functools.cache
def exported_model():
    """Path of version 1, with a calibration. Copy it before changing it."""
    directory = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, directory)
    return export_saved_model(
        searched_network(), directory / "saved_model", match_probability=CURVE
    )


def random_images(size, height=45, width=20, seed=0):
    """Random images, uint8."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (size, height, width, 3), dtype="uint8")


def encode(image, kind="PNG", mode="RGB", **options):
    """Writes a image as the bytes of a file."""
    file = io.BytesIO()
    Image.fromarray(image).convert(mode).save(file, kind, **options)
    return file.getvalue()


def images(size, seed=0):
    """Random images as PNG files."""
    return [encode(image) for image in random_images(size, seed=seed)]
