"""Serves a model, lets ovmsclient ask, and compares with our own client.

    serve.py FOLDER PYTHON

FOLDER is empty; PYTHON is one that has ovmsclient.
"""

import json
import pathlib
import subprocess
import sys

import keras
import numpy as np
import tensorflow as tf

from nfs_keras.models import reid_network
from nfs_keras.serving import Client, StandInServer, export_saved_model

HERE = pathlib.Path(__file__).parent


def main(folder, python):
    folder = pathlib.Path(folder)
    keras.utils.set_random_seed(0)
    network = reid_network("tiny", (32, 16, 3), num_identities=4)
    version = export_saved_model(network, folder / "model")
    with_default_pixels(version, folder / "pixels")
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (3, 40, 20, 3), dtype="uint8")
    np.save(folder / "pixels.npy", pixels)
    (folder / "files").mkdir()
    files = [tf.io.encode_png(image).numpy() for image in pixels]
    for number, contents in enumerate([*files, b"broken"]):
        (folder / "files" / f"{number}.png").write_bytes(contents)
    compare(folder, python, "model", "image_bytes", [*files, b"broken"])
    compare(folder, python, "pixels", "image", pixels)


def with_default_pixels(version, folder):
    """Saves a model whose default endpoint takes pixels.

    ovmsclient cannot name an endpoint.
    """
    model = tf.saved_model.load(str(version))
    endpoint = model.signatures["visible_pixels"]
    signatures = {"serving_default": endpoint, "visible_pixels": endpoint}
    tf.saved_model.save(model, str(folder / "1"), signatures=signatures)


def compare(folder, python, model, name, inputs):
    """Lets both clients ask over both transports."""
    server = StandInServer(
        folder / model, warm_up=False, verify=model == "model"
    )
    with server:
        rest = server.rest_address.removeprefix("http://")
        addresses = (server.grpc_address, rest)
        command = [python, HERE / "ask.py", folder, *addresses, name]
        subprocess.run(command, check=True)
        own = [
            ask(address, name, inputs)
            for address in (server.grpc_address, server.rest_address)
        ]
    facts = json.loads((folder / "facts.json").read_text())
    for kind, answer in zip(("grpc", "rest"), own, strict=True):
        theirs = np.load(folder / f"{kind}.npz")
        np.testing.assert_allclose(theirs["embedding"], answer[0], atol=1e-6)
        if name == "image_bytes":
            np.testing.assert_array_equal(theirs["valid"], answer[1])
        check_facts(facts[kind], name)
        print(f"    {kind}, {name}: status, metadata, predict, refusals agree")


def ask(address, name, inputs):
    """Asks with our own client."""
    with Client(address) as client:
        assert client.available_versions() == [1]
        if name == "image":
            return (client.embed_pixels(inputs),)
        return client.embed(inputs)


def check_facts(facts, name):
    """Compares what it read of status, metadata and refusals."""
    status = {"state": "AVAILABLE", "error_code": 0, "error_message": ""}
    assert facts["status"] == {"1": status}, facts["status"]
    metadata = facts["metadata"]
    if "metadata" in metadata:  # it reads OpenVINO's names, and passes others
        assert metadata["model_spec"]["version"] == "1"
        signatures = metadata["metadata"]["signature_def"]["signature_def"]
        metadata = signatures["serving_default"]
    assert set(metadata["inputs"]) == {name}
    assert "embedding" in metadata["outputs"]
    assert set(facts["wrong"]) == {"ModelNotFoundError"}, facts["wrong"]
    assert facts["version 0"] == "ModelNotFoundError"


if __name__ == "__main__":
    main(*sys.argv[1:])
