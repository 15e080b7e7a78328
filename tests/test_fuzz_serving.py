"""Sends a server requests that no client should send.

    python -m pytest tests/test_fuzz_serving.py --hypothesis-profile=long

sends 7,500. Each gets a defined answer: an embedding of length 1, or of zeros
where a file is broken, or a status that is not an internal error. At the end
the server answers a good request, and its memory has not grown.
"""

import ctypes
import gc
import io
import json
import pathlib
import struct

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from exported_model import (
    as_array,
    encoders,
    exported_model,
    images,
    random_images,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from tensorflow_serving.apis import predict_pb2

from nfs_keras.datasets import resize_image
from nfs_keras.serving import Client, StandInServer

PREDICT = "/tensorflow.serving.PredictionService/Predict"
MODEL = "nfs_reid"
DIM = encoders()["visible"].output.shape[-1]
MAX_GROWTH_MB = 200
# Statuses of requests that cannot be answered.
REJECTED = {"FAILED_PRECONDITION", "INVALID_ARGUMENT", "NOT_FOUND"}

patient = settings(deadline=None, suppress_health_check=list(HealthCheck))
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def server():
    with StandInServer(exported_model().parent, warm_up=False) as server:
        with Client(server.grpc_address) as client:
            client.embed(images(32))
            for _ in range(3):  # the largest that is taken
                client.embed_pixels(np.zeros((32, 512, 512, 3), "uint8"))
                client.match(*[np.ones((1024, DIM), "f4")] * 2)
        before = resident_mb()
        yield server
        with Client(server.grpc_address) as client:
            embedding, valid = client.embed(images(2))
        growth = resident_mb() - before
    encoder = encoders()["visible"]
    expected = encoder(resize_image(random_images(2), (32, 16, 3))).numpy()
    assert valid.all() and abs(embedding - expected).max() < 1e-5
    print(f"memory grew by {growth:.0f} MB")
    assert growth < MAX_GROWTH_MB


def resident_mb():
    """Memory in use, without garbage and what the C library keeps for later."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(server.grpc_address) as channel:
        yield channel.unary_unary(PREDICT)


@st.composite
def whole(draw, kinds=("JPEG", "PNG", "BMP", "GIF")):
    """An image of a small size as a file."""
    rng = np.random.default_rng(draw(seeds))
    size = draw(st.tuples(st.integers(1, 80), st.integers(1, 80)))
    kind = draw(st.sampled_from(kinds))
    modes = ["RGB", "L", "CMYK" if kind == "JPEG" else "RGB"]
    pixels = rng.integers(0, 256, (*size, 3), dtype="uint8")
    file = io.BytesIO()
    mode = draw(st.sampled_from(modes))
    Image.fromarray(pixels).convert(mode).save(file, kind)
    return file.getvalue()


@st.composite
def changed(draw, contents, alphabet=bytes(range(256))):
    """Changes some bytes, and perhaps removes the last ones."""
    contents = bytearray(draw(contents))
    for _ in range(draw(st.integers(0, 10))):
        place = draw(st.integers(0, len(contents) - 1))
        contents[place] = draw(st.sampled_from(alphabet))
    return bytes(contents[: draw(st.integers(0, len(contents)))])


@st.composite
def boastful(draw):
    """A small PNG or BMP that announces any number of pixels."""
    kind = draw(st.sampled_from(["PNG", "BMP"]))
    size = draw(st.tuples(*[st.integers(0, 2**31 - 1)] * 2))
    start = 16 if kind == "PNG" else 18
    header = struct.pack(">II" if kind == "PNG" else "<ii", *size)
    contents = draw(whole(kinds=[kind]))
    return contents[:start] + header + contents[start + 8 :]


starts = st.sampled_from(
    [b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"BM"]
)
noise = st.builds(bytes.__add__, starts, st.binary(max_size=2000))
files = st.one_of(whole(), changed(whole()), boastful(), noise)


def as_request(endpoint, name, array, dtype=None):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = MODEL
    request.model_spec.signature_name = endpoint
    proto = tf.make_tensor_proto(array, dtype, array.shape)
    request.inputs[name].CopyFrom(proto)
    return request


def ask(channel, message):
    """Returns the outputs, or the status with which it is rejected."""
    try:
        response = channel(message, timeout=60)
    except grpc.RpcError as error:
        # gRPC itself rejects bytes that are no message.
        if "deserializing" in (error.details() or ""):
            return "NO MESSAGE"
        return error.code().name
    outputs = predict_pb2.PredictResponse.FromString(response).outputs
    return {name: tf.make_ndarray(proto) for name, proto in outputs.items()}


@patient
@given(
    st.lists(files, max_size=8),
    st.sampled_from([0, 0, 0, 33]),
    st.sampled_from(["visible", "infrared"]),
)
def test_files_are_embedded_or_marked_as_broken(
    channel, contents, repeat, modality
):
    contents = (contents * (repeat + 1))[: max(repeat, len(contents))]
    array = as_array(contents)
    request = as_request(modality, "image_bytes", array, tf.string)
    answer = ask(channel, request.SerializeToString())
    if not 1 <= len(contents) <= 32:
        assert answer == "INVALID_ARGUMENT"
        return
    norms = np.linalg.norm(answer["embedding"], axis=1)
    np.testing.assert_allclose(norms, answer["valid"], atol=1e-4)


@patient
@given(
    st.sampled_from([0, 1, 2, 32, 33, 40]),
    st.sampled_from([0, 1, 3, 512, 513]),
    st.sampled_from([0, 1, 3, 512, 513]),
)
def test_pixels_are_embedded_within_their_bounds(channel, size, height, width):
    pixels = np.zeros((size, height, width, 3), "uint8")
    request = as_request("visible_pixels", "image", pixels)
    answer = ask(channel, request.SerializeToString())
    fits = 1 <= size <= 32 and 1 <= height * width <= 2**18
    if fits:
        norms = np.linalg.norm(answer["embedding"], axis=1)
        np.testing.assert_allclose(norms, np.ones(size), atol=1e-4)
    else:
        assert answer == "INVALID_ARGUMENT"


GOOD = as_request("visible_pixels", "image", np.ones((1, 3, 3, 3), "uint8"))


@patient
@given(changed(st.just(GOOD.SerializeToString())))
def test_a_message_with_other_bytes_has_a_defined_answer(channel, message):
    answer = ask(channel, message)
    defined = REJECTED | {"NO MESSAGE", "UNIMPLEMENTED"}
    assert isinstance(answer, dict) or answer in defined


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["b64", "image_bytes", "image", "x"]), inner
        )
    ),
    max_leaves=8,
)
bodies = st.dictionaries(
    st.sampled_from(["instances", "inputs", "signature_name", "more"]),
    values | st.sampled_from(["visible", "visible_pixels", "match"]),
)
texts = st.one_of(
    bodies.map(lambda body: json.dumps(body).encode()),
    changed(
        st.just(b'{"instances": [{"image_bytes": {"b64": "AAAA"}}]}'),
        b'{}[]":,0-e \x00\xff',
    ),
)


@patient
@given(texts)
def test_json_of_any_kind_has_a_defined_answer(server, text):
    url = f"{server.rest_address}/v1/models/{MODEL}:predict"
    response = requests.post(url, text, timeout=60)
    assert response.status_code in (200, 400), response.text
    answer = response.json()
    assert ("error" in answer) == (response.status_code == 400)


@settings(patient, max_examples=25)  # there are 75
@given(
    st.sampled_from([0, 1, 33]),
    st.sampled_from([0, 1, 3, 1024, 1025]),
    st.sampled_from([0, 1, 3, 1024, 1025]),
)
def test_embeddings_are_compared_within_their_bound(server, size, rows, cols):
    request = as_request("match", "query", np.ones((size, rows, DIM), "f4"))
    gallery = np.ones((size, cols, DIM), "f4")
    request.inputs["gallery"].CopyFrom(tf.make_tensor_proto(gallery))
    unlimited = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(server.grpc_address, unlimited) as channel:
        message = request.SerializeToString()
        answer = ask(channel.unary_unary(PREDICT), message)
    if size == 1 and rows * cols <= 2**20:
        assert answer["similarity"].shape == (size, rows, cols)
        np.testing.assert_allclose(answer["similarity"], DIM, rtol=1e-4)
    else:
        assert answer == "INVALID_ARGUMENT"


@patient
@given(st.sampled_from(["", MODEL]) | st.text())
def test_only_the_models_name_is_answered(channel, name):
    request = predict_pb2.PredictRequest.FromString(GOOD.SerializeToString())
    request.model_spec.name = name
    answer = ask(channel, request.SerializeToString())
    if name == MODEL:
        assert set(answer) == {"embedding"}
    else:
        assert answer == ("NOT_FOUND" if name else "INVALID_ARGUMENT")
