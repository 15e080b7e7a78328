import concurrent.futures
import pathlib
import pickle
import time

import numpy as np
import pytest
import tensorflow as tf
from tiny_saved_model import DIM, png, save_tiny_model

from nfs_keras.scale import Embedder, model_version


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp("models") / "1")


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return [png(rng), b"broken", png(rng)]


def test_it_answers_what_the_saved_model_answers(saved_model, images):
    embeddings, valid = Embedder(saved_model, "visible").embed(images)
    endpoint = tf.saved_model.load(str(saved_model)).signatures["visible"]
    expected = endpoint(image_bytes=tf.constant(images))
    np.testing.assert_array_equal(embeddings, expected["embedding"])
    np.testing.assert_array_equal(valid, [True, False, True])
    assert isinstance(embeddings, np.ndarray) and embeddings.dtype == "float32"


def test_a_plain_array_gives_embeddings(saved_model, images):
    embedder = Embedder(saved_model, "visible")
    array = np.array(images, object)
    np.testing.assert_array_equal(embedder(array), embedder.embed(images)[0])


def test_a_dict_batch_keeps_its_other_columns(saved_model, images):
    embedder = Embedder(saved_model, "infrared", column="bytes")
    batch = {"bytes": np.array(images, object), "id": np.arange(3)}
    outputs = embedder(batch)
    assert set(outputs) == {"id", "embedding", "valid"}
    assert outputs["embedding"].shape == (3, DIM)
    np.testing.assert_array_equal(outputs["id"], np.arange(3))


def test_an_empty_batch_gives_no_rows(saved_model):
    embedder = Embedder(saved_model, "visible")
    assert embedder([]).shape == (0, DIM)
    assert embedder({"image_bytes": np.array([])})["valid"].shape == (0,)


def test_a_pickle_is_small_and_answers_the_same(saved_model, images):
    embedder = Embedder(saved_model, "visible")
    before = embedder(images)
    text = pickle.dumps(embedder)
    assert len(text) < 1000
    np.testing.assert_array_equal(pickle.loads(text)(images), before)


def test_it_knows_its_dimension_and_model_version(saved_model):
    embedder = Embedder(saved_model, "visible")
    assert embedder.dim == DIM
    assert embedder.model_version == model_version(saved_model)


def test_an_unknown_modality_raises(saved_model):
    with pytest.raises(ValueError, match="Received: modality='thermal'"):
        Embedder(saved_model, "thermal")


def test_a_model_without_the_endpoint_raises(tmp_path):
    module = tf.Module()
    module.f = tf.function(lambda x: {"y": x})
    signature = module.f.get_concrete_function(tf.TensorSpec((), "float32"))
    tf.saved_model.save(module, tmp_path, signatures={"other": signature})
    with pytest.raises(ValueError, match="no endpoint 'visible'"):
        Embedder(tmp_path, "visible").embed([b""])


def test_a_batch_without_the_column_raises(saved_model):
    with pytest.raises(ValueError, match="needs the column 'image_bytes'"):
        Embedder(saved_model, "visible")({"bytes": np.array([b""])})


def test_threads_that_begin_together_load_the_model_once(
    saved_model, monkeypatch
):
    load, loaded = tf.saved_model.load, []

    def slow(path):
        time.sleep(0.2)
        loaded.append(path)
        return load(path)

    monkeypatch.setattr(tf.saved_model, "load", slow)
    embedder = pickle.loads(pickle.dumps(Embedder(saved_model, "visible")))
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        list(threads.map(embedder.embed, [[b"x"]] * 4))
    assert len(loaded) == 1


@pytest.mark.parametrize(
    "images, types",
    [
        (["a.jpg"], r"types=\['str'\]"),
        ([pathlib.Path("a.jpg")], "types=.*Path"),
        (b"image", "no list, types=.*bytes"),
        (pathlib.Path("a.jpg"), "no list, types=.*Path"),
    ],
)
def test_what_is_no_list_of_bytes_raises(saved_model, images, types):
    with pytest.raises(ValueError, match=types):
        Embedder(saved_model, "visible")(images)


def test_its_model_is_found_from_another_working_directory(
    saved_model, tmp_path, monkeypatch
):
    monkeypatch.chdir(saved_model.parent)
    embedder = Embedder("1", "visible")
    monkeypatch.chdir(tmp_path)
    assert embedder.dim == DIM


def test_it_takes_the_memory_of_a_gpu_only_as_it_needs_it(
    saved_model, monkeypatch
):
    grown = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    monkeypatch.setattr(
        tf.config.experimental,
        "set_memory_growth",
        lambda *arguments: grown.append(arguments),
    )
    assert Embedder(saved_model, "visible").dim == DIM
    assert grown == [("GPU", True)]
