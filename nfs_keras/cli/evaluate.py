"""Scores a network on the protocol of a dataset.

    nfs-reid evaluate --model=runs/first/model.keras data/RegDB

Prints the table; --output=scores writes scores.json and scores.md too. DATA is
the folder of a benchmark or of images of your own, or a CSV file that lists
them. It is split as for the network's training; people of the training raise
an error.
"""

import keras
from absl import flags

from nfs_keras.cli.arguments import reader_flag, words_named
from nfs_keras.datasets import check_unseen, open_dataset
from nfs_keras.pipeline import embed_test, evaluate_embedded, image_embedder

FLAGS = reader_flag(flags.FlagValues())
flags.DEFINE_string("model", None, "A .keras file.", flag_values=FLAGS)
flags.DEFINE_integer(
    "trial", None, "Trial to test on, if not the one that was trained on.",
    flag_values=FLAGS,
)  # fmt: skip
flags.DEFINE_string(
    "output", None, "Write OUTPUT.json and OUTPUT.md too.", flag_values=FLAGS
)
flags.mark_flag_as_required("model", flag_values=FLAGS)


def run(words):
    dataset = open_dataset(words_named(words, "DATA"), reader=FLAGS.reader)
    network = keras.models.load_model(FLAGS.model)
    dataset = test_split(dataset, network.facts, FLAGS.trial)
    embedded = embed_test(image_embedder(network), dataset)
    table = evaluate_embedded(embedded, dataset)
    print(table)
    for suffix in (".json", ".md") if FLAGS.output else ():
        table.save(FLAGS.output + suffix)


def test_split(dataset, facts, trial=None):
    """Splits a dataset as for a network's training; a leak raises an error.

    Args:
        dataset: A reader.
        facts: Facts about the network's training, `network.facts`.
        trial: Another trial to test on, or `None`.
    """
    data = dict(facts.get("dataset", {}))
    if data.pop("name", None) == dataset.name:
        dataset = dataset.replace(**data)
    if trial is not None:
        dataset = dataset.replace(trial=trial)
    check_unseen(dataset, facts.get("people", ()))
    return dataset
