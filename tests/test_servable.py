import concurrent.futures
import pathlib
import shutil
import threading
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from exported_model import (
    MODALITIES,
    as_array,
    encoders,
    exported_model,
    images,
    served,
)

from nfs_keras.serving.stand_in.servable import (
    Batching,
    RequestError,
    Servable,
    request_error,
)

IMAGES = images(6)
DIM = encoders()["visible"].output.shape[-1]


@pytest.fixture(scope="module")
def servable():
    patient = Batching(batch_timeout_micros=50_000)
    return Servable(exported_model(), batching=patient, warm_up=False)


def as_input(files):
    return {"image_bytes": as_array(files)}


def alone(modality):
    """What each image gets when it is asked for by itself."""
    return served(modality, image_bytes=IMAGES)["embedding"]


def test_endpoints_asked_at_once_do_not_fall_into_one_batch(servable):
    expected = {name: alone(name) for name in MODALITIES}

    def ask(number):
        modality, i = MODALITIES[number % 2], number % len(IMAGES)
        answer = servable.predict(modality, as_input([IMAGES[i]]))
        difference = answer["embedding"][0] - expected[modality][i]
        return float(np.abs(difference).max())

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        assert max(threads.map(ask, range(48))) < 1e-5


@pytest.mark.parametrize("size", [0, 33])
def test_what_would_end_or_exceed_a_batch_raises(servable, size):
    with pytest.raises(RequestError, match="rows|Task size 33") as error:
        servable.predict("visible", as_input(IMAGES[:1] * size))
    assert error.value.status == "INVALID_ARGUMENT"


def test_without_batching_a_long_request_is_answered():
    servable = Servable(exported_model(), warm_up=False)
    answer = servable.predict("visible", as_input(IMAGES * 7))
    expected = np.tile(alone("visible"), (7, 1))
    np.testing.assert_allclose(answer["embedding"], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "inputs", "message"),
    [
        ("invisible", {}, "not found"),
        ("visible", {"image": IMAGES}, "inputs must be"),
        ("visible", {"image_bytes": np.zeros(2, "float32")}, "must be string"),
        ("visible", {"image_bytes": np.array(b"x", object)}, "must be string"),
        ("visible_pixels", {"image": np.zeros((1, 2, 3, 4), "uint8")}, "shape"),
        ("visible_pixels", {"image": np.zeros((1, 0, 3, 3), "uint8")}, "size"),
        (
            "visible_pixels",
            {"image": np.zeros((1, 2**9, 2**9 + 1, 3), "uint8")},
            "at most 262144 pixels",
        ),
        (
            "match",
            {
                "query": np.zeros((1, 2**10, DIM), "float32"),
                "gallery": np.zeros((1, 2**10 + 1, DIM), "float32"),
            },
            "at most 1048576 pairs",
        ),
        (
            "match",
            {
                "query": np.zeros((1, 1, DIM), "float32"),
                "gallery": np.zeros((2, 1, DIM), "float32"),
            },
            "as many in each input",
        ),
    ],
)
def test_a_wrong_request_raises_with_a_reason(servable, name, inputs, message):
    with pytest.raises(RequestError, match=message):
        servable.predict(name, inputs)


def test_warm_up_requests_pass(servable):
    servable.warm_up()


def test_a_model_that_was_tampered_with_is_not_loaded(tmp_path):
    version = shutil.copytree(exported_model(), tmp_path / "1")
    (version / "model_card.md").write_text("trust me")
    with pytest.raises(ValueError, match=r"model_card\.md"):
        Servable(version)


def test_a_model_without_manifest_is_loaded_only_if_asked(tmp_path):
    version = shutil.copytree(exported_model(), tmp_path / "1")
    (version / "manifest.sha256").unlink()
    with pytest.raises(ValueError, match="has no manifest"):
        Servable(version, warm_up=False)
    assert Servable(version, warm_up=False, verify=False).version == 1


class BatchSize(tf.Module):
    """Answers each row with the number of rows that were computed at once."""

    @tf.function(input_signature=[tf.TensorSpec([None, None], "float32")])
    def __call__(self, x):
        size = tf.shape(x)[:1]
        return {"size": tf.repeat(size, size)}


@pytest.fixture(scope="module")
def batch_size(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "1"
    module = BatchSize()
    tf.saved_model.save(module, path, signatures=module.__call__)
    return path


def ask_at_once(servable, shapes):
    """Sends requests of these shapes at once; returns answers and errors."""
    barrier = threading.Barrier(len(shapes))

    def ask(shape):
        barrier.wait()
        try:
            inputs = {"x": np.zeros(shape, "float32")}
            return servable.predict("", inputs)["size"].tolist()
        except RequestError as error:
            return error.status

    with concurrent.futures.ThreadPoolExecutor(len(shapes)) as threads:
        return list(threads.map(ask, shapes))


def test_requests_of_several_clients_are_joined_and_padded(batch_size):
    patient = Batching((1, 4), batch_timeout_micros=500_000)
    servable = Servable(batch_size, patient, verify=False)
    answers = ask_at_once(servable, [(1, 2)] * 2 + [(2, 2)])
    assert answers == [[4], [4], [4, 4]]
    assert ask_at_once(servable, [(2, 2)]) == [[4, 4]]


def test_rows_of_two_shapes_in_one_batch_are_all_rejected(batch_size):
    patient = Batching((1, 2, 4), batch_timeout_micros=500_000)
    servable = Servable(batch_size, patient, verify=False)
    assert (
        ask_at_once(servable, [(1, 2), (1, 3)]) == ["FAILED_PRECONDITION"] * 2
    )
    assert ask_at_once(servable, [(1, 3)]) == [[1]]


def batch_threads():
    """How many threads of this process compute batches."""
    names = [
        p.read_text() for p in pathlib.Path("/proc/self").glob("task/*/comm")
    ]
    return sum(name.startswith("batch_threads") for name in names)


def test_versions_share_the_threads_that_compute_batches(batch_size):
    """They would stay, and wake 1,000 times a second, after an unloading."""
    two = Batching((1, 8), num_batch_threads=2)
    before = batch_threads()
    for _ in range(3):
        servable = Servable(batch_size, two, verify=False)
        assert ask_at_once(servable, [(1, 2)]) == [[1]]
    assert batch_threads() == before + 2


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"allowed_batch_sizes": ()}, r"must ascend.*sizes=\(\)"),
        ({"allowed_batch_sizes": (4, 2)}, r"must ascend.*sizes=\(4, 2\)"),
        ({"allowed_batch_sizes": (0, 2)}, r"must ascend.*sizes=\(0, 2\)"),
        ({"batch_timeout_micros": -1}, "at least 0.*micros=-1"),
        ({"num_batch_threads": 0}, "at least 1.*threads=0"),
        ({"num_batch_threads": 1.5}, "an integer.*threads=1.5"),
        ({"max_enqueued_batches": 0}, "at least 1.*batches=0"),
    ],
)
def test_what_cannot_be_batched_raises(arguments, message):
    with pytest.raises(ValueError, match=message):
        Batching(**arguments)


class Slow(BatchSize):
    @tf.function(input_signature=[tf.TensorSpec([None, None], "float32")])
    def __call__(self, x):
        with tf.control_dependencies([tf.numpy_function(nap, [], [])]):
            return super().__call__(x)


def nap():
    time.sleep(0.3)


def test_a_full_queue_is_unavailable(tmp_path):
    module = Slow()
    tf.saved_model.save(module, tmp_path / "1", signatures=module.__call__)
    short = Batching((1,), num_batch_threads=1, max_enqueued_batches=1)
    servable = Servable(tmp_path / "1", short, verify=False)
    answers = ask_at_once(servable, [(1, 2)] * 8)
    assert "UNAVAILABLE" in answers and [1] in answers
    assert {str(answer) for answer in answers} == {"UNAVAILABLE", "[1]"}


@pytest.mark.parametrize("code", range(1, 17))
def test_an_error_of_the_model_keeps_its_status(code):
    error = tf.errors.OpError(None, None, "broken", code)
    names = {status.value[0]: status.name for status in grpc.StatusCode}
    names[tf.errors.CANCELLED] = "UNAVAILABLE"
    assert request_error(error).status == names[code]
