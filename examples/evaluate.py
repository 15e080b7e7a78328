"""Scores the SavedModel or the network of a run on the test people.

    python examples/evaluate.py --run=runs/regdb

Shows how an embedding function and a dataset become the field's table, with a
confidence interval over people.
"""

import json
import pathlib

import keras
from absl import app, flags

from nfs_keras.datasets import open_dataset
from nfs_keras.evaluation import confidence_intervals, retrieval_metrics
from nfs_keras.scoring import embed_test, evaluate_network

FLAGS = flags.FLAGS
flags.DEFINE_string("run", "runs/regdb", "The folder of a run.")


def main(_):
    run = pathlib.Path(FLAGS.run)
    data = json.loads((run / "run.json").read_text())["dataset"]
    dataset = open_dataset(data["root"], trial=data["trial"])
    network = keras.models.load_model(run / "model.keras")

    print(evaluate_network(network, dataset))

    embedded = embed_test(network, dataset)
    visible = embedded["modality"] == "visible"
    identity = embedded["identity"]
    metrics = retrieval_metrics(
        embedded["embedding"][visible],
        embedded["embedding"][~visible],
        identity[visible],
        identity[~visible],
    )
    print("visible to infrared, 95 % over people:")
    for name, interval in confidence_intervals(metrics).items():
        print(f"  {name}: {interval[0]:.1f} to {interval[1]:.1f}")


if __name__ == "__main__":
    app.run(main)
