"""Scores the network of a run on the test people, and how sure that is.

    python examples/evaluate.py --run=runs/regdb
    python examples/evaluate.py --smoke   # an untrained network, a few people

Shows how a network becomes an embedding function, embeddings become the
field's table, and a table gets an interval over people.
"""

import json
import pathlib
import tempfile

import keras
from absl import flags

from nfs_keras.cli import run
from nfs_keras.datasets import open_dataset, split_as_trained
from nfs_keras.evaluation import confidence_intervals, evaluate
from nfs_keras.models import reid_network
from nfs_keras.pipeline import image_embedder
from nfs_keras.synthetic import synthesize_regdb

FLAGS = flags.FLAGS
flags.DEFINE_string("run", "runs/regdb", "The folder of a run.")
flags.DEFINE_bool("smoke", False, "Try it without a run.")


def main(_):
    if FLAGS.smoke:
        with tempfile.TemporaryDirectory() as folder:
            root = synthesize_regdb(folder + "/data", 24, 2, verbose=False)
            score(reid_network("tiny", (64, 32, 3), 12), open_dataset(root))
        return
    folder = pathlib.Path(FLAGS.run)
    data = json.loads((folder / "run.json").read_text("utf-8"))["dataset"]
    network = keras.models.load_model(folder / "model.keras")
    place = pathlib.Path(data["root"], data.get("csv_file") or "")
    score(network, split_as_trained(open_dataset(place), network.facts))


def score(network, dataset):
    """Prints the table of a network, and the intervals of its rows."""
    embed = image_embedder(network)  # a list of samples -> (N, dim)
    table = evaluate(embed, dataset)
    print(table)
    for row in table.rows:
        first, *_ = row.trials.values()
        print(f"{row.name}, 95 % over people:")
        for name, (low, high) in confidence_intervals(first).items():
            print(f"  {name:10}{low:6.1f} to {high:.1f}")


if __name__ == "__main__":
    run(main, again="Run the same command again: it starts over.")
