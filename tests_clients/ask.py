"""Asks the stand-in with ovmsclient, which knows nothing of nfs_keras.

    ask.py FOLDER GRPC_ADDRESS REST_ADDRESS INPUT

FOLDER holds what to ask (`files/`, `pixels.npy`); the answers go there too.
"""

import json
import pathlib
import sys

import numpy as np
import ovmsclient

folder, grpc, rest, name = sys.argv[1:]
folder = pathlib.Path(folder)
if name == "image_bytes":
    inputs = [p.read_bytes() for p in sorted((folder / "files").iterdir())]
else:
    inputs = np.load(folder / "pixels.npy")


def refusal(ask, **names):
    """The name of the error that a wrong question is answered with."""
    try:
        ask(**{"model_name": "nfs_reid", "model_version": 1, **names})
    except ovmsclient.tfs_compat.base.errors.ModelServerError as error:
        return type(error).__name__
    return "answered"


facts = {}
for kind, client in (
    ("grpc", ovmsclient.make_grpc_client(grpc)),
    ("rest", ovmsclient.make_http_client(rest)),
):
    model = {"model_name": "nfs_reid", "model_version": 1}
    answer = client.predict({name: inputs}, **model)
    if not isinstance(answer, dict):
        answer = {"embedding": answer}
    np.savez(folder / f"{kind}.npz", **answer)

    def predict(client=client, **names):
        return client.predict({name: inputs}, **names)

    asks = (client.get_model_status, client.get_model_metadata, predict)
    facts[kind] = {
        "status": client.get_model_status(**model),
        "metadata": client.get_model_metadata(**model),
        "wrong": [
            refusal(ask, **wrong)
            for ask in asks
            for wrong in ({"model_name": "other"}, {"model_version": 9})
        ],
        # It names version 0 unless told otherwise, which is one like any.
        "version 0": refusal(predict, model_version=0),
    }
(folder / "facts.json").write_text(json.dumps(facts))
