"""Scores the network of a run on the test people, and how sure that is.

    python examples/evaluate.py --run=runs/regdb

Shows how a network becomes an embedding function, embeddings become the
field's table, and a table gets an interval over people.
"""

import nfs_reid  # isort: split

import json
import pathlib

import keras
from absl import flags

from nfs_keras.datasets import open_dataset
from nfs_keras.evaluation import confidence_intervals
from nfs_keras.pipeline import embed_test, evaluate_embedded, image_embedder

FLAGS = flags.FLAGS
flags.DEFINE_string("run", "runs/regdb", "The folder of a run.")


def main(_):
    run = pathlib.Path(FLAGS.run)
    data = json.loads((run / "run.json").read_text("utf-8"))["dataset"]
    dataset = open_dataset(data["root"], trial=data["trial"])

    network = keras.models.load_model(run / "model.keras")
    embed = image_embedder(network)  # a list of samples -> (N, dim)
    embedded = embed_test(embed, dataset)  # every test picture, once

    table = evaluate_embedded(embedded, dataset)
    print(table)
    for row in table.rows:
        first, *_ = row.trials.values()
        print(f"{row.name}, 95 % over people:")
        for name, (low, high) in confidence_intervals(first).items():
            print(f"  {name:10}{low:6.1f} to {high:.1f}")


if __name__ == "__main__":
    nfs_reid.run(main)
