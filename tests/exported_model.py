"""A small searched network and its SavedModel, made once for all tests."""

import atexit
import functools
import io
import pathlib
import shutil
import tempfile

import keras
import numpy as np
import tensorflow as tf
from PIL import Image
from search_cases import shallow_backbone

from nfs_keras.layers import find_gates
from nfs_keras.models import Architecture, compact, reid_network
from nfs_keras.reid.backbones import BACKBONES
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


def shrink_tiny(monkeypatch):
    """Makes a single block of the backbone `tiny`, until the test ends."""
    block = {"filters": 16, "inner": 16, "stride": 2, "project": True}
    shallow = shallow_backbone([block])
    monkeypatch.setitem(BACKBONES, "tiny", lambda: shallow)


@functools.cache
def encoders():
    """The encoders of the derived and compacted network, in memory."""
    network = searched_network()
    Architecture.derive(network).apply(network)
    return {name: compact(network, name).encoder(name) for name in MODALITIES}


def export_for_all(network, **options):
    directory = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, directory)
    return export_saved_model(network, directory / "saved_model", **options)


@functools.cache
def exported_network():
    """The network of `exported_model`, which still searches."""
    return searched_network()


@functools.cache
def exported_model():
    """Path of version 1, with a calibration. Copy it before changing it."""
    return export_for_all(exported_network(), match_probability=CURVE)


@functools.cache
def loaded_model():
    """The `exported_model`, loaded: signatures keep it by a weak reference."""
    return tf.saved_model.load(str(exported_model()))


def served(endpoint, **inputs):
    """What an endpoint of the `exported_model` answers."""
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    return loaded_model().signatures[endpoint](**tensors)


class Exchanged:
    """As little of a network as an export needs, its modalities exchanged."""

    image_shape = IMAGE_SHAPE

    def encoder(self, modality):
        return encoders()[MODALITIES[modality == "visible"]]


@functools.cache
def another_model():
    """Path of another model. It is only to be copied."""
    return export_for_all(Exchanged())


def add_version(directory):
    """Puts `another_model` beside version 1, at once, as an export does."""
    copy = shutil.copytree(another_model(), directory / ".2.part")
    return copy.rename(directory / "2")


def random_images(size, height=45, width=20, seed=0):
    """Random images, uint8."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (size, height, width, 3), dtype="uint8")


def encode(image, kind="PNG", mode="RGB", **options):
    """Writes a image as the bytes of a file."""
    file = io.BytesIO()
    Image.fromarray(image).convert(mode).save(file, kind, **options)
    return file.getvalue()


def as_array(files):
    """An array of objects, as several files in a request."""
    array = np.empty(len(files), dtype=object)
    array[:] = files
    return array


def images(size, seed=0):
    """Random images as PNG files."""
    return [encode(image) for image in random_images(size, seed=seed)]
