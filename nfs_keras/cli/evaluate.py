"""Scores a network on the protocol of a dataset.

    nfs-reid evaluate --network=runs/first/model.keras data/RegDB

Prints the table; --output=scores writes scores.json and scores.md too. A
network of RegDB is tested on the trial that it was trained on: the one that
run.json beside it names, or --trial.
"""

import json
import pathlib

import keras
from absl import flags

from nfs_keras.cli.arguments import words_named
from nfs_keras.datasets import open_dataset
from nfs_keras.pipeline import embed_test, evaluate_embedded, image_embedder

FLAGS = flags.FlagValues()
flags.DEFINE_string("network", None, "A .keras file.", flag_values=FLAGS)
flags.DEFINE_integer(
    "trial", None, "Trial to test on, if no run.json tells.", flag_values=FLAGS
)
flags.DEFINE_string(
    "output", None, "Write OUTPUT.json and OUTPUT.md too.", flag_values=FLAGS
)
flags.mark_flag_as_required("network", flag_values=FLAGS)


def run(words):
    trial = FLAGS.trial or trained_on(FLAGS.network)
    options = {} if trial is None else {"trial": trial}
    dataset = open_dataset(words_named(words, "DATA"), **options)
    network = keras.models.load_model(FLAGS.network)
    embedded = embed_test(image_embedder(network), dataset)
    table = evaluate_embedded(embedded, dataset)
    print(table)
    for suffix in (".json", ".md") if FLAGS.output else ():
        table.save(FLAGS.output + suffix)


def trained_on(network):
    """The trial that the run of a network names, or `None`."""
    file = pathlib.Path(network).with_name("run.json")
    if not file.exists():
        return None
    return json.loads(file.read_text("utf-8"))["dataset"].get("trial")
