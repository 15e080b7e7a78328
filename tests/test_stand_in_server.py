import concurrent.futures
import json
import shutil
import subprocess
import threading
import time

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
import yaml
from exported_model import (
    CURVE,
    add_version,
    encode,
    exported_model,
    images,
    random_images,
    served,
)
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from nfs_keras.scale import model_version
from nfs_keras.serving import Client, ServerError, StandInServer
from nfs_keras.serving.stand_in.stand_in_server import MAX_MESSAGE_BYTES

TRANSPORTS = pytest.mark.parametrize(
    "address", ["grpc_address", "rest_address"], ids=["grpc", "rest"]
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("models")
    shutil.copytree(exported_model().parent, directory, dirs_exist_ok=True)
    with StandInServer(directory, warm_up=False, poll_seconds=0.2) as server:
        yield server


@pytest.fixture
def client(server, address):
    with Client(getattr(server, address)) as client:
        yield client


@TRANSPORTS
@pytest.mark.parametrize("size", [1, 2, 17])
def test_a_client_gets_the_outputs_of_the_model(client, size):
    images = random_images(size, seed=size)
    files = [encode(image) for image in images]
    for modality in ("visible", "infrared"):
        expected = served(modality, image_bytes=files)["embedding"]
        embedding, valid = client.embed(files, modality)
        assert embedding.dtype == np.float32 and valid.all()
        np.testing.assert_allclose(embedding, expected, atol=1e-6)
        by_pixels = client.embed_pixels(images, modality)
        np.testing.assert_allclose(by_pixels, expected, atol=1e-6)


@TRANSPORTS
def test_broken_files_are_marked_as_broken(client):
    embedding, valid = client.embed([b"", images(1)[0], b"\x00\x00"])
    np.testing.assert_array_equal(valid, [False, True, False])
    np.testing.assert_array_equal(np.any(embedding, axis=1), valid)


@TRANSPORTS
def test_sets_are_matched(client):
    embedding, _ = client.embed(images(5))
    answer = client.match(embedding[:2], embedding)
    similarity = embedding[:2] @ embedding.T
    np.testing.assert_allclose(answer["similarity"], similarity, atol=1e-5)
    odds = CURVE.slope * similarity + CURVE.intercept
    expected = 1 / (1 + np.exp(-odds))
    np.testing.assert_allclose(answer["probability"], expected, atol=1e-5)


@TRANSPORTS
def test_the_loaded_version_has_the_fingerprint_of_the_models_copy(client):
    assert client.available_versions() == [1]
    assert client.model_version() == model_version(exported_model())


@TRANSPORTS
@pytest.mark.parametrize("size", [0, 33])
def test_what_would_end_or_exceed_a_batch_raises(server, address, size):
    with Client(getattr(server, address)) as client:
        pixels = np.zeros((size, 4, 2, 3), "uint8")
        with pytest.raises(ServerError, match="INVALID_ARGUMENT"):
            client._transport.predict("visible_pixels", {"image": pixels})


@TRANSPORTS
def test_what_is_not_served_raises(server, address):
    for wrong in ({"model_name": "other"}, {"version": 9}):
        with Client(getattr(server, address), **wrong) as client:
            assert client.available_versions() == []
            with pytest.raises(ServerError, match="NOT_FOUND"):
                client.embed(images(1))


def test_messages_beyond_grpcs_own_limit_pass(server):
    noise = random_images(1, 1300, 1300)[0]
    files = [encode(noise, compress_level=0)] * 2  # 10 MB
    with Client(server.grpc_address) as client:
        embedding, valid = client.embed(files)
    assert valid.all()
    np.testing.assert_allclose(embedding[0], embedding[1], atol=1e-5)


@pytest.fixture
def stubs(server):
    with grpc.insecure_channel(server.grpc_address) as channel:
        yield (
            prediction_service_pb2_grpc.PredictionServiceStub(channel),
            model_service_pb2_grpc.ModelServiceStub(channel),
        )


def predict_request(name="visible"):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "nfs_reid"
    request.model_spec.signature_name = name
    files = tf.make_tensor_proto(images(2))
    request.inputs["image_bytes"].CopyFrom(files)
    return request


def test_plain_stubs_are_answered(stubs):
    request = predict_request()
    request.output_filter.append("embedding")
    response = stubs[0].Predict(request, timeout=60)
    assert set(response.outputs) == {"embedding"}
    assert response.model_spec.version.value == 1
    np.testing.assert_allclose(
        tf.make_ndarray(response.outputs["embedding"]),
        served("visible", image_bytes=images(2))["embedding"],
        atol=1e-6,
    )


def test_plain_stubs_return_status_and_metadata(stubs):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "nfs_reid"
    (status,) = stubs[1].GetModelStatus(request).model_version_status
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert (status.version, status.state) == (1, available)
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = "nfs_reid"
    request.metadata_field.append("signature_def")
    response = stubs[0].GetModelMetadata(request)
    definitions = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(definitions)
    definition = definitions.signature_def["visible"]
    assert definition.inputs["image_bytes"].dtype == tf.string.as_datatype_enum
    assert set(definition.outputs) == {"embedding", "valid"}


@pytest.mark.parametrize(
    ("harm", "status"),
    [
        (lambda r: setattr(r.model_spec, "name", ""), "INVALID_ARGUMENT"),
        (lambda r: setattr(r.model_spec, "name", "other"), "NOT_FOUND"),
        (lambda r: r.model_spec.version.SetInParent(), "NOT_FOUND"),
        (
            lambda r: setattr(r.model_spec, "version_label", "stable"),
            "INVALID_ARGUMENT",
        ),
        (
            lambda r: setattr(r.model_spec, "signature_name", "nothing"),
            "FAILED_PRECONDITION",
        ),
        (lambda r: r.output_filter.append("secret"), "INVALID_ARGUMENT"),
        (lambda r: r.inputs.clear(), "INVALID_ARGUMENT"),
        (
            lambda r: setattr(r.inputs["image_bytes"], "dtype", 1),
            "INVALID_ARGUMENT",
        ),
        (
            # A few bytes that stand for a thousand million strings.
            lambda r: setattr(
                r.inputs["image_bytes"].tensor_shape.dim[0], "size", 10**9
            ),
            "INVALID_ARGUMENT",
        ),
    ],
)
def test_a_malformed_request_gets_a_status(stubs, harm, status):
    request = predict_request()
    harm(request)
    with pytest.raises(grpc.RpcError) as error:
        stubs[0].Predict(request, timeout=60)
    assert error.value.code().name == status


def test_what_is_not_offered_is_unimplemented(stubs):
    with pytest.raises(grpc.RpcError) as error:
        stubs[0].Classify(classification_pb2.ClassificationRequest())
    assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_smoke_and_the_health_check_find_the_state(server, monkeypatch):
    smoke = server.watcher.directory / "smoke.sh"
    answer = subprocess.run(
        ["sh", smoke, server.rest_address],
        check=True,
        capture_output=True,
        text=True,
    )
    assert answer.stdout == "visible: fine\ninfrared: fine\n"
    compose = (server.watcher.directory / "docker-compose.yml").read_text()
    service = yaml.safe_load(compose)["services"]["cpu"]
    command, port = service["healthcheck"]["test"], server.rest_address[-5:]
    command = [part.replace("8501", port.lstrip(":")) for part in command]
    subprocess.run(command[1:], check=True)
    broken = {1: ("END", "NotFoundError: UNAVAILABLE is not AVAILABLE")}
    with monkeypatch.context() as patch:
        patch.setattr(server.watcher, "states", broken)
        assert subprocess.run(command[1:]).returncode == 1


def test_smoke_fails_without_a_server(server):
    smoke = server.watcher.directory / "smoke.sh"
    answer = subprocess.run(
        ["sh", smoke, "http://127.0.0.1:9"], capture_output=True
    )
    assert answer.returncode != 0


def post(server, body, path="/v1/models/nfs_reid:predict"):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = requests.post(server.rest_address + path, data, timeout=60)
    return response.status_code, response.json()


def test_rest_takes_rows_and_columns(server):
    image = random_images(2, 4, 2).tolist()
    name = {"signature_name": "visible_pixels"}
    status, by_row = post(server, {**name, "instances": image})
    assert status == 200
    _, named = post(
        server, {**name, "instances": [{"image": x} for x in image]}
    )
    _, by_column = post(server, {**name, "inputs": {"image": image}})
    _, bare = post(server, {**name, "inputs": image})
    assert by_row == named and by_column == bare
    assert by_row["predictions"] == by_column["outputs"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"[" * 100_000,
        {},
        {"instances": [], "inputs": {}},
        {"instances": 3},
        {"instances": [{"image_bytes": 3}]},
        {"instances": [{"image_bytes": {"b64": "no base64!"}}]},
        {"instances": [{"image_bytes": {"b64": ""}, "more": 1}]},
        {"inputs": {"wrong": [1]}},
        {"signature_name": "nothing", "instances": [1]},
        {"signature_name": "visible_pixels", "instances": [[[1, 2], [3]]]},
        {"signature_name": "visible_pixels", "instances": [[[[300, 0, 0]]]]},
        {"signature_name": "visible_pixels", "instances": [["a"]]},
        {"signature_name": ["visible"], "instances": []},
    ],
    ids=lambda body: str(body)[:40],
)
def test_malformed_json_is_an_error_400(server, body):
    status, answer = post(server, body)
    assert status == 400 and answer["error"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", 404),
        ("/v1/models/other:predict", 404),
        ("/v1/models/nfs_reid/versions/9:predict", 404),
        ("/v1/models/nfs_reid/versions/9", 400),
    ],
)
def test_an_unknown_address_is_an_error(server, path, expected):
    status, answer = post(server, {"instances": []}, path)
    assert status == expected and answer["error"]


def test_a_message_that_is_too_long_is_an_error(server):
    status, answer = post(server, b"x" * (MAX_MESSAGE_BYTES + 1))
    assert status == 413 and answer["error"]


def test_rest_returns_status_and_metadata(server):
    model = f"{server.rest_address}/v1/models/nfs_reid"
    (status,) = requests.get(model).json()["model_version_status"]
    assert status == {
        "version": "1",
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }
    assert requests.get(f"{model}/versions/9").status_code == 404
    metadata = requests.get(f"{model}/metadata").json()["metadata"]
    assert "infrared" in metadata["signature_def"]["signature_def"]


def test_a_new_version_takes_over_without_dropping_a_request(tmp_path):
    shutil.copytree(exported_model(), tmp_path / "1")
    files = images(3)
    old = served("visible", image_bytes=files)["embedding"].numpy()
    begun, end = threading.Barrier(5, timeout=120), threading.Event()

    def ask(address):
        with Client(address, max_attempts=1, timeout=120) as client:
            answers = [client.embed(files)[0]]
            begun.wait()
            while not end.wait(0.02):
                answers.append(client.embed(files)[0])
            answers.append(client.embed(files)[0])
        return answers

    with (
        StandInServer(tmp_path, warm_up=False, poll_seconds=0.1) as server,
        concurrent.futures.ThreadPoolExecutor(4) as threads,
    ):
        asked = [
            threads.submit(ask, address)
            for address in [server.grpc_address, server.rest_address] * 2
        ]
        begun.wait()
        add_version(tmp_path)
        deadline = time.monotonic() + 120
        while server.watcher.servable().version == 1:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with Client(server.grpc_address, version=2) as client:
            new = client.embed(files)[0]
        with Client(server.rest_address, version=1) as client:
            np.testing.assert_allclose(client.embed(files)[0], old, atol=1e-5)
        end.set()
        answers = [a for thread in asked for a in thread.result()]
    assert {describe(a, old, new) for a in answers} == {"old", "new"}


def describe(answer, old, new):
    """Which of two models an answer comes from."""
    for name, known in {"old": old, "new": new}.items():
        if answer.shape == known.shape and np.allclose(
            answer, known, atol=1e-5
        ):
            return name
    return "neither"


@TRANSPORTS
def test_a_port_that_is_taken_is_an_error_and_leaks_nothing(server, address):
    port = int(getattr(server, address).rsplit(":", 1)[1])
    ports = (port, 0) if address == "grpc_address" else (0, port)
    threads = threading.active_count()
    second = StandInServer(server.watcher.directory, warm_up=False, ports=ports)
    with pytest.raises(OSError, match=f"ports=.*{port}"):
        second.start()
    deadline = time.monotonic() + 10  # gRPC ends its thread in its own time
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= threads


class Waiting(tf.Module):
    """Answers a number when it is let go."""

    def __init__(self, numbers):
        super().__init__()
        self.asked = threading.Semaphore(0)
        self.go = {number: threading.Event() for number in numbers}

    def wait(self, x):
        self.asked.release()
        self.go[x.item()].wait()
        return x

    @tf.function(input_signature=[tf.TensorSpec([None], "float32")])
    def __call__(self, x):
        y = tf.numpy_function(self.wait, [x], tf.float32)
        return {"y": tf.ensure_shape(y, [None])}


@pytest.mark.parametrize("last", [1.0, 2.0], ids=["grpc", "rest"])
def test_a_stop_waits_for_the_last_request_of_either_kind(tmp_path, last):
    module = Waiting((1.0, 2.0))
    tf.saved_model.save(module, tmp_path / "1", signatures=module.__call__)
    server = StandInServer(tmp_path, batching=None, verify=False, warm_up=False)
    server.start()
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "nfs_reid"
    request.inputs["x"].CopyFrom(tf.make_tensor_proto([1.0]))
    with (
        grpc.insecure_channel(server.grpc_address) as channel,
        concurrent.futures.ThreadPoolExecutor(3) as threads,
    ):
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        answers = {
            1.0: threads.submit(stub.Predict, request),
            2.0: threads.submit(post, server, {"instances": [2.0]}),
        }
        for _ in answers:
            assert module.asked.acquire(timeout=60)
        stopped = threads.submit(server.stop)
        try:
            for number in sorted(answers, key=lambda number: number == last):
                time.sleep(0.3)
                assert not answers[number].done() and not stopped.done()
                module.go[number].set()
                concurrent.futures.wait([answers[number]], timeout=60)
        finally:
            for event in module.go.values():
                event.set()
        assert answers[1.0].result().outputs["y"].float_val == [1.0]
        assert answers[2.0].result() == (200, {"predictions": [2.0]})
        stopped.result()
