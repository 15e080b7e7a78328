"""What a client refuses before it sends, and makes of strange answers."""

import contextlib
import socket
import threading
import time

import numpy as np
import pytest

from nfs_keras.serving import Client, ServerError
from nfs_keras.serving.transports import open_channel


def test_certificates_for_an_address_without_encryption_raise(tmp_path):
    (tmp_path / "ca.pem").touch()
    with pytest.raises(ValueError, match="address='http://host'.*Correct"):
        Client("http://host", certificates=tmp_path / "ca.pem")


@pytest.mark.parametrize("address", ["host:1", "https://host:1"])
@pytest.mark.parametrize(
    "paths",
    [{"certificates": "no.pem"}, {"client_certificate": ("no.pem", "no.key")}],
)
def test_certificates_that_do_not_exist_raise(address, paths):
    with pytest.raises(ValueError, match=r"missing=\['no.pem'"):
        Client(address, **paths)


def test_a_client_certificate_without_its_key_raises(tmp_path):
    (tmp_path / "own.pem").touch()
    with pytest.raises(ValueError, match="two of a client"):
        Client("host:1", client_certificate=[tmp_path / "own.pem"])


def test_a_client_certificate_alone_makes_an_encrypted_channel(
    tmp_path, monkeypatch
):
    files = tmp_path / "own.pem", tmp_path / "key.pem"
    for file in files:
        file.write_text(file.name)
    with Client("host:1", client_certificate=files) as client:
        route = client._transport.route
    made = []
    monkeypatch.setattr(
        "grpc.ssl_channel_credentials", lambda *contents: contents
    )
    monkeypatch.setattr(
        "grpc.secure_channel",
        lambda _, credentials, __: made.append(credentials),
    )
    open_channel(route)
    assert made == [(None, b"key.pem", b"own.pem")]


def test_no_decoded_image_is_an_empty_answer():
    with Client("host:1") as client:
        assert client.embed_pixels([]).shape == (0, 0)


def test_decoded_images_of_several_sizes_raise():
    images = [np.zeros((2, 2, 3), "uint8"), np.zeros((3, 2, 3), "uint8")]
    with Client("host:1") as client:
        with pytest.raises(ValueError, match="uint8 of shape.*dtype=object"):
            client.embed_pixels(images)


@contextlib.contextmanager
def answering(head, *parts, pause=0.0):
    """A server of one answer, sent in parts."""

    def answer(server):
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(2**16)
            for part in (head, *parts):
                time.sleep(pause)
                connection.sendall(part)
            while connection.recv(2**16):
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer, args=(server,))
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize(
    ("status", "name"), [("200 OK", "UNKNOWN"), ("404 Away", "NOT_FOUND")]
)
@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"outputs', b"<html>"])
def test_an_answer_of_another_program_is_a_server_error(status, name, body):
    head = f"HTTP/1.0 {status}\r\nContent-Length: {len(body)}\r\n\r\n"
    with answering(head.encode(), body) as address:
        with Client(address, timeout=5) as client:
            with pytest.raises(ServerError) as error:
                client.embed([b"x"])
    assert error.value.status == name


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize("length", [b"", b"Content-Length: 99\r\n"])
def test_the_time_limit_is_not_for_each_read(version, length):
    head = b"HTTP/%s 200 OK\r\n%s\r\n" % (version, length)
    with answering(head, b"{", pause=0.4) as address:
        start = time.monotonic()
        with Client(address, timeout=0.9) as client:
            with pytest.raises(ServerError, match="DEADLINE_EXCEEDED"):
                client.embed([b"x"])
        assert 0.8 < time.monotonic() - start < 1.4
