"""Scores a network on the protocol of a dataset.

    nfs-reid evaluate --model=runs/first/model.keras data/RegDB

Prints the table; --output=scores writes scores.json and scores.md too. DATA is
the folder of a benchmark or of images of your own, or a CSV file that lists
them; a table is the one named here, whatever the network was trained on. DATA
is split as for the network's training; people of the training raise an error.
"""

from absl import flags

from nfs_keras.cli.arguments import load_network, reader_flag, words_named
from nfs_keras.datasets import open_dataset, split_as_trained
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
    network = load_network(FLAGS.model)
    dataset = split_as_trained(dataset, network.facts, FLAGS.trial)
    embedded = embed_test(image_embedder(network), dataset)
    table = evaluate_embedded(embedded, dataset)
    print(table)
    for suffix in (".json", ".md") if FLAGS.output else ():
        table.save(FLAGS.output + suffix)
