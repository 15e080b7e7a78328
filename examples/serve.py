"""Asks a served model for embeddings of images of both modalities.

    python examples/serve.py --smoke                       # no data needed
    python examples/serve.py --saved_model=run/saved_model
    python examples/serve.py --server=localhost:8500       # a server of yours

Shows what a client sends and receives: image files in, embeddings out, a broken
file that does not fail the others, and how similar two people are. Without
`--server` it starts the stand-in server, which answers as TF-Serving does.
"""

import contextlib
import pathlib
import tempfile

import numpy as np
from absl import app, flags

from nfs_keras.datasets import open_dataset
from nfs_keras.models import reid_network
from nfs_keras.serving import Client, StandInServer, export_saved_model
from nfs_keras.synthetic import synthesize_regdb

FLAGS = flags.FLAGS
flags.DEFINE_string("saved_model", None, "Directory of exported versions.")
flags.DEFINE_string("server", None, "Address of a server that runs.")
flags.DEFINE_string("data", None, "A dataset; synthetic without it.")
flags.DEFINE_bool("smoke", False, "An untrained network, a few images.")


def main(_):
    with contextlib.ExitStack() as stack:
        work = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        data = FLAGS.data
        if not data:
            print("No --data: making a few synthetic people.")
            data = synthesize_regdb(work / "data", 8, 2, verbose=False)
        visible, infrared = images_of_five_people(open_dataset(data))

        address = FLAGS.server
        if not address:
            saved_model = FLAGS.saved_model or untrained(work / "models")
            server = stack.enter_context(StandInServer(saved_model))
            address = server.grpc_address
            print(f"The stand-in server answers at {address}.")

        with Client(address) as client:
            ask(client, visible, infrared)


def images_of_five_people(dataset):
    """One visible and one infrared file of each of five test people."""
    samples = [*dataset.query, *dataset.gallery]
    people = sorted({sample.identity for sample in samples})[:5]
    by_person = {(s.identity, s.modality): s.path for s in samples}
    return [
        [pathlib.Path(by_person[p, modality]).read_bytes() for p in people]
        for modality in ("visible", "infrared")
    ]


def untrained(directory):
    """Exports a small network that has learned nothing."""
    if not FLAGS.smoke:
        raise app.UsageError("Give --saved_model, --server or --smoke.")
    print("--smoke: an untrained network; its answers mean nothing.")
    network = reid_network("tiny", (64, 32, 3), num_identities=4)
    export_saved_model(network, directory)
    return directory


def ask(client, visible, infrared):
    """Embeds both kinds of images and compares all pairs."""
    # Each kind of camera has an endpoint of its own. A file that cannot be
    # decoded gets a zero embedding and is marked as broken.
    gallery, valid = client.embed([*infrared, b"no image"], "infrared")
    query, _ = client.embed(visible, "visible")
    print(f"version {client.available_versions()}, {query.shape[1]} numbers")
    print(f"broken files: {np.flatnonzero(~valid).tolist()}")

    answer = client.match(query, gallery[valid])
    print("similarity of visible (rows) to infrared images (columns):")
    print(np.round(answer["similarity"], 2))
    found = np.argmax(answer["similarity"], axis=1)
    right = np.mean(found == np.arange(len(found)))
    print(f"found at first glance: {right:.0%}")


if __name__ == "__main__":
    app.run(main)
