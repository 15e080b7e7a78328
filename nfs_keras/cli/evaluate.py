"""Scores a network on the protocol of a dataset.

    nfs-reid evaluate --network=runs/first/model.keras data/RegDB

Prints the table; --output=scores writes scores.json and scores.md too. DATA is
the folder of a benchmark or of images of your own, or a CSV file that lists
them. It is split as run.json beside the network says, and people whom the
network has learned are refused.
"""

import json
import pathlib

import keras
from absl import flags

from nfs_keras.cli.arguments import reader_flag, words_named
from nfs_keras.datasets import (
    check_unseen,
    fingerprint,
    open_dataset,
    trained_people,
)
from nfs_keras.pipeline import embed_test, evaluate_embedded, image_embedder

FLAGS = reader_flag(flags.FlagValues())
flags.DEFINE_string("network", None, "A .keras file.", flag_values=FLAGS)
flags.DEFINE_integer(
    "trial", None, "Trial to test on, if no run.json tells.", flag_values=FLAGS
)
flags.DEFINE_string(
    "output", None, "Write OUTPUT.json and OUTPUT.md too.", flag_values=FLAGS
)
flags.mark_flag_as_required("network", flag_values=FLAGS)


def run(words):
    dataset = open_dataset(words_named(words, "DATA"), reader=FLAGS.reader)
    dataset = test_split(dataset, data_of_run(FLAGS.network), FLAGS.trial)
    network = keras.models.load_model(FLAGS.network)
    embedded = embed_test(image_embedder(network), dataset)
    table = evaluate_embedded(embedded, dataset)
    print(table)
    for suffix in (".json", ".md") if FLAGS.output else ():
        table.save(FLAGS.output + suffix)


def data_of_run(network):
    """What run.json beside a network tells of its data; `{}` without one."""
    file = pathlib.Path(network).with_name("run.json")
    if not file.exists():
        return {}
    return json.loads(file.read_text("utf-8"))["dataset"]


def test_split(dataset, data, trial):
    """Splits a dataset as the network's run did, and refuses leaks.

    Args:
        dataset: A reader.
        data: What the run wrote down about its own dataset.
        trial: Another trial to test on, or `None`.
    """
    trained = None
    if data.get("name") == dataset.name:
        # The table is the one that the command line names.
        options = {**data, "csv_file": dataset.options.get("csv_file")}
        known = {k: v for k, v in options.items() if k in dataset.options}
        trained = dataset = dataset.replace(**known)
    if trial is not None:
        dataset = dataset.replace(trial=trial)
    if trained and fingerprint(trained) == data.get("fingerprint"):
        check_unseen(dataset, trained_people(trained))
    return dataset
