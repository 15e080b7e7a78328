import concurrent.futures
import contextlib
import json
import pathlib
import socket
import ssl
import subprocess
import threading
import time
from typing import NamedTuple

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from nfs_keras.serving import Client, ServerError
from nfs_keras.serving.transports import retry_policy

CLOSED = "127.0.0.1:9"  # the port of a service that no program uses any more


class Echo:
    """A transport that answers each image with its length."""

    def __init__(self):
        self.requests = []

    def predict(self, endpoint, inputs):
        (values,) = inputs.values()
        self.requests.append((endpoint, len(values)))
        lengths = [[float(len(value))] for value in values]
        return {
            "embedding": np.array(lengths, "float32"),
            "valid": np.ones(len(values), bool),
        }


@pytest.fixture
def client():
    client = Client("localhost:8500", batch_size=4, max_message_bytes=1000)
    client._transport.close()
    client._transport = Echo()
    return client


def test_a_long_list_is_split_and_joined_in_order(client):
    embedding, valid = client.embed([b"x" * n for n in range(1, 11)])
    np.testing.assert_array_equal(embedding[:, 0], range(1, 11))
    assert valid.shape == (10,)
    assert client._transport.requests == [("visible", n) for n in (4, 4, 2)]


def test_a_message_stays_below_its_limit_unless_one_image_exceeds_it(client):
    client.embed([b"x" * 400, b"x" * 400, b"x" * 3000, b"x"], "infrared")
    assert client._transport.requests == [("infrared", n) for n in (2, 1, 1)]


def test_pixels_are_split_by_their_bytes(client):
    client.embed_pixels(np.zeros((6, 10, 10, 3), "uint8"))
    assert client._transport.requests == [("visible_pixels", 3)] * 2


def test_no_image_is_no_request(client):
    embedding, valid = client.embed([])
    assert embedding.shape == (0, 0) and valid.shape == (0,)
    assert client._transport.requests == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["image.jpg"],), "types.*'str'"),
        (([b"x"], "thermal"), "modality='thermal'"),
    ],
)
def test_what_is_no_image_raises_before_it_is_sent(client, arguments, message):
    with pytest.raises(ValueError, match=message):
        client.embed(*arguments)
    assert client._transport.requests == []


@pytest.mark.parametrize(
    "images", [np.zeros((1, 2, 2, 3)), np.zeros((2, 2, 3), "uint8")]
)
def test_pixels_of_another_type_or_shape_raise(client, images):
    with pytest.raises(ValueError, match="uint8 of shape"):
        client.embed_pixels(images)


@pytest.mark.parametrize(
    "wrong", [{"timeout": 0}, {"max_attempts": 6}, {"batch_size": 0}]
)
def test_arguments_that_cannot_work_raise(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name}={wrong[name]}"):
        Client("localhost:8500", **wrong)


@pytest.mark.parametrize("address", [CLOSED, f"http://{CLOSED}"])
def test_a_server_that_is_away_is_named_in_time(address):
    start = time.monotonic()
    with Client(address, timeout=5, max_attempts=2) as client:
        for ask in (client.available_versions, lambda: client.embed([b"x"])):
            with pytest.raises(ServerError, match=address) as error:
                ask()
            assert error.value.status == "UNAVAILABLE"
    assert time.monotonic() - start < 30


@contextlib.contextmanager
def silent():
    """A server that accepts a connection and then does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_the_time_limit_holds_over_all_attempts(scheme):
    with silent() as address:
        client = Client(scheme + address, timeout=0.5, max_attempts=5)
        start = time.monotonic()
        with client, pytest.raises(ServerError) as error:
            client.embed([b"x"])
    assert error.value.status in ("DEADLINE_EXCEEDED", "UNAVAILABLE")
    assert 0.4 < time.monotonic() - start < 1.5


def test_the_time_limit_holds_where_an_answer_trickles_in():
    def trickle(server):
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
            for _ in range(99):
                connection.sendall(b" ")
                time.sleep(0.1)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=trickle, args=(server,))
        thread.start()
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        start = time.monotonic()
        with Client(address, timeout=0.5) as client:
            with pytest.raises(ServerError, match="DEADLINE_EXCEEDED"):
                client.embed([b"x"])
        assert time.monotonic() - start < 1.5
        thread.join()


class Moody(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Is not available the first `num_failures` times."""

    def __init__(self, num_failures):
        self.num_failures = num_failures

    def Predict(self, request, context):  # noqa: N802
        if self.num_failures:
            self.num_failures -= 1
            context.abort(grpc.StatusCode.UNAVAILABLE, "queue is full")
        response = predict_pb2.PredictResponse()
        one = tf.make_tensor_proto(np.ones((1, 1), "float32"))
        response.outputs["embedding"].CopyFrom(one)
        response.outputs["valid"].CopyFrom(tf.make_tensor_proto([True]))
        return response


@contextlib.contextmanager
def moody_grpc(num_failures, certificates=None):
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(2),
        options=[("grpc.max_receive_message_length", -1)],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        Moody(num_failures), server
    )
    if certificates:
        own = [(p.read_bytes()) for p in (certificates.key, certificates.own)]
        credentials = grpc.ssl_server_credentials(
            [own], certificates.own.read_bytes(), require_client_auth=True
        )
        port = server.add_secure_port("localhost:0", credentials)
    else:
        port = server.add_insecure_port("localhost:0")
    server.start()
    yield f"localhost:{port}"
    server.stop(0).wait()


@contextlib.contextmanager
def moody_rest(num_failures, certificates=None):
    left = [True] * num_failures

    def answer(environ, start_response):
        Request(environ).get_data()
        good = {"outputs": {"embedding": [[1.0]], "valid": [True]}}
        failed = left and left.pop()
        answer = {"error": "queue is full"} if failed else good
        response = Response(json.dumps(answer), 503 if failed else 200)
        return response(environ, start_response)

    context = None
    if certificates:
        context = ssl.create_default_context(
            ssl.Purpose.CLIENT_AUTH, cafile=certificates.own
        )
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(certificates.own, certificates.key)
    server = make_server("localhost", 0, answer, True, ssl_context=context)
    server.log = lambda *_: None
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    scheme = "https" if certificates else "http"
    yield f"{scheme}://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


MOODY = pytest.mark.parametrize("moody", [moody_grpc, moody_rest])


@MOODY
def test_a_request_is_sent_again_until_the_server_is_back(moody):
    with moody(2) as address, Client(address, max_attempts=3) as client:
        embedding, valid = client.embed([b"x"])
    assert embedding == 1 and valid.all()


@MOODY
def test_a_long_request_is_sent_again_too(moody):
    with moody(1) as address, Client(address, max_attempts=2) as client:
        assert client.embed([b"x" * 5_000_000])[1].all()


@MOODY
def test_it_gives_up_after_the_last_attempt(moody):
    with (
        moody(9) as address,
        Client(address, max_attempts=2) as client,
        pytest.raises(ServerError, match="queue is full"),
    ):
        client.embed([b"x"])


def test_one_attempt_means_no_policy_of_sending_again():
    assert "retryPolicy" not in retry_policy(1)
    assert json.loads(retry_policy(2))["methodConfig"][0]["retryPolicy"]


class Certificates(NamedTuple):
    own: pathlib.Path
    key: pathlib.Path


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A certificate for localhost that signs itself."""
    folder = tmp_path_factory.mktemp("certificates")
    made = Certificates(folder / "own.pem", folder / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
        + ["-subj", "/CN=localhost", "-days", "2", "-keyout", made.key]
        + ["-addext", "subjectAltName=DNS:localhost", "-out", made.own],
        check=True,
        capture_output=True,
    )
    return made


@MOODY
def test_certificates_make_the_connection_encrypted(moody, certificates):
    with moody(0, certificates) as address:
        known = {
            "certificates": str(certificates.own),
            "client_certificate": (
                str(certificates.own),
                str(certificates.key),
            ),
        }
        with Client(address, **known) as client:
            assert client.embed([b"x"])[1].all()
        with (
            Client(address, timeout=5, max_attempts=1) as client,
            pytest.raises(ServerError, match="UNAVAILABLE"),
        ):
            client.embed([b"x"])
