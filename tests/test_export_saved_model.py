import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from exported_model import (
    IMAGE_SHAPE,
    MODALITIES,
    as_array,
    encode,
    encoders,
    exported_model,
    exported_network,
    images,
    loaded_model,
    random_images,
    searched_network,
)
from test_conformance import CATALOG

from nfs_keras.datasets import resize_image
from nfs_keras.serving import export_saved_model, verify_manifest

PROGRAM = Path(__file__).with_name("answer_without_keras.py")
SIZES = (1, 2, 17)
ENDPOINTS = {
    "model_version",
    "infrared",
    "infrared_pixels",
    "match",
    "serving_default",
    "visible",
    "visible_pixels",
}
LAYERS = {case.layer_class.__name__: case for case in CATALOG}


class Network:
    """As little of a network as an export needs."""

    image_shape = IMAGE_SHAPE

    def encoder(self, modality):
        return encoders()[modality]


def own_embeddings(modality, images):
    """Returns the embeddings of the network in memory, of decoded images."""
    return encoders()[modality](resize_image(images, IMAGE_SHAPE)).numpy()


@pytest.fixture(scope="module")
def layers():
    """A model around each layer, and its inputs."""
    return {
        name: (case.model(), case.model_inputs) for name, case in LAYERS.items()
    }


@pytest.fixture(scope="module")
def answers(layers, tmp_path_factory):
    """Answers of SavedModels from a process that never saw Keras.

    A dict from `"network"`, and the names of `LAYERS`.
    """
    folder = tmp_path_factory.mktemp("answers")
    requests = {}
    for size in SIZES:
        images = random_images(size, seed=size)
        files = as_array([encode(image) for image in images])
        for name in MODALITIES:
            requests[f"{name}/image_bytes/{size}"] = files
            requests[f"{name}_pixels/image/{size}"] = images
        requests[f"serving_default/image_bytes/{size}"] = files
    asked = {"network": (exported_model(), requests)}
    for name, (model, inputs) in layers.items():
        model.export(folder / name, format="tf_saved_model", verbose=False)
        requests = {f"serving_default/{k}/0": x for k, x in inputs.items()}
        asked[name] = (folder / name, requests)
    words = []
    for name, (model, requests) in asked.items():
        files = [folder / f"{name}.{kind}.npz" for kind in ("in", "out")]
        np.savez(files[0], **requests)
        words += [model, *files]
    subprocess.run(
        [sys.executable, PROGRAM, *map(str, words)],
        check=True,
        cwd=folder,
        stderr=subprocess.DEVNULL,
    )
    return {name: dict(np.load(folder / f"{name}.out.npz")) for name in asked}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("modality", MODALITIES)
def test_a_process_without_keras_embeds_as_the_network_does(
    answers, modality, size
):
    answers = answers["network"]
    expected = own_embeddings(modality, random_images(size, seed=size))
    by_bytes = answers[f"{modality}/embedding/{size}"]
    by_pixels = answers[f"{modality}_pixels/embedding/{size}"]
    np.testing.assert_allclose(by_bytes, expected, atol=1e-5)
    np.testing.assert_allclose(by_pixels, expected, atol=1e-5)
    assert answers[f"{modality}/valid/{size}"].all()
    norms = np.linalg.norm(by_bytes, axis=1)
    np.testing.assert_allclose(norms, 1, atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_the_default_endpoint_is_the_visible_one(answers, size):
    answers = answers["network"]
    np.testing.assert_array_equal(
        answers[f"serving_default/embedding/{size}"],
        answers[f"visible/embedding/{size}"],
    )


@pytest.mark.parametrize("name", LAYERS)
def test_a_process_without_keras_answers_as_a_layer_does(answers, layers, name):
    model, inputs = layers[name]
    outputs = tf.nest.flatten(model(inputs))
    found = [value for _, value in sorted(answers[name].items())]
    for answer, output in zip(found, outputs, strict=True):
        np.testing.assert_allclose(answer, output, rtol=1e-5, atol=1e-6)


def test_endpoints_have_fixed_names_and_free_batch_sizes():
    signatures = loaded_model().signatures
    assert set(signatures) == ENDPOINTS
    for name in MODALITIES:
        by_bytes, by_pixels = signatures[name], signatures[f"{name}_pixels"]
        inputs = by_bytes.structured_input_signature[1]
        assert inputs["image_bytes"].shape.as_list() == [None]
        inputs = by_pixels.structured_input_signature[1]
        assert inputs["image"].shape.as_list() == [None, None, None, 3]
        assert set(by_bytes.structured_outputs) == {"embedding", "valid"}
        assert set(by_pixels.structured_outputs) == {"embedding"}


def test_a_searching_network_is_left_as_it_was():
    exported_model()
    weights = exported_network().get_weights()
    for a, b in zip(searched_network().get_weights(), weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_uncompacted_it_answers_as_the_network_stands(tmp_path):
    network = exported_network()
    version = export_saved_model(network, tmp_path, compact=False)
    signature = tf.saved_model.load(str(version)).signatures["visible_pixels"]
    images = random_images(3)
    expected = network.encoder("visible")(resize_image(images, IMAGE_SHAPE))
    answer = signature(image=tf.constant(images))["embedding"]
    np.testing.assert_allclose(answer, expected, atol=1e-5)
    smaller = exported_model() / "saved_model.pb"
    larger = version / "saved_model.pb"
    assert smaller.stat().st_size < larger.stat().st_size


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_is_smaller_and_points_the_same_way(precision, tmp_path):
    version = export_saved_model(Network(), tmp_path, precision=precision)
    signature = tf.saved_model.load(str(version)).signatures["visible"]
    outputs = signature(image_bytes=tf.constant([*images(4), b"broken"]))
    embedding = outputs["embedding"].numpy()
    expected = own_embeddings("visible", random_images(4))
    assert embedding.dtype == np.float32
    assert np.all(np.sum(embedding[:4] * expected, axis=1) > 0.999)
    norms = np.linalg.norm(embedding, axis=1)
    np.testing.assert_allclose(norms, [1, 1, 1, 1, 0], atol=1e-5)
    size = (version / "saved_model.pb").stat().st_size
    assert size < 0.7 * (exported_model() / "saved_model.pb").stat().st_size


def test_the_version_is_whole_and_its_neighbours_are_there():
    version = exported_model()
    verify_manifest(version)
    assert version.name == "1"
    inside = {
        p.relative_to(version).as_posix()
        for p in version.rglob("*")
        if p.is_file()
    }
    assert {
        "saved_model.pb",
        "model_card.md",
        "manifest.sha256",
        "assets.extra/tf_serving_warmup_requests",
    } <= inside
    assert sorted(p.name for p in version.parent.iterdir()) == [
        "1",
        "batching.config",
        "docker-compose.yml",
        "models.config",
        "monitoring.config",
        "smoke.sh",
    ]


@pytest.fixture
def module(monkeypatch):
    """The module of exports, whose models have one small endpoint."""

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32)])
    def twice(query):
        return {"similarity": 2 * query}

    module = sys.modules[export_saved_model.__module__]
    monkeypatch.setattr(module, "endpoints", lambda *_: {"match": twice})
    return module


def test_versions_count_on_and_are_never_overwritten(
    module, tmp_path, monkeypatch
):
    """An interrupted export leaves no version that a server would load."""

    def fail(*args):
        raise OSError("disk full")

    for name in ("7", "notes"):
        (tmp_path / name).mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(module, "write_manifest", fail)
        with pytest.raises(OSError, match="disk full"):
            export_saved_model(Network(), tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"7", "notes", ".8.part"}
    assert export_saved_model(Network(), tmp_path).name == "8"
    with pytest.raises(ValueError, match="does not exist yet.*version=8"):
        export_saved_model(Network(), tmp_path, version=8)
    with pytest.raises(ValueError, match="version=0"):
        export_saved_model(Network(), tmp_path, version=0)


@pytest.mark.usefixtures("module")
def test_without_the_extra_it_warns_and_exports_all_the_same(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(
        sys.modules, "tensorflow_serving.apis.prediction_log_pb2", None
    )
    with pytest.warns(UserWarning, match=r"nfs_keras\[serving\]"):
        version = export_saved_model(Network(), tmp_path)
    verify_manifest(version)
    assert not (version / "assets.extra").exists()


def test_an_unknown_precision_raises_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="precision='int8'"):
        export_saved_model(Network(), tmp_path / "new", precision="int8")
    assert not (tmp_path / "new").exists()


@pytest.mark.usefixtures("module")
def test_the_card_describes_the_run(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    dataset = {"name": "RegDB", "trial": 3, "statistics": {"test": 2060}}
    facts = {"command": ["train"], "started": "today", "dataset": dataset}
    (run / "run.json").write_text(json.dumps(facts))
    version = export_saved_model(Network(), tmp_path / "models", run=run)
    card = (version / "model_card.md").read_text()
    assert "| name | RegDB |" in card and "| test | 2060 |" in card
