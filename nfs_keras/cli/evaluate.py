"""Scores a network on the protocol of a dataset.

    nfs-reid evaluate --network=run/model.keras data/RegDB --trial=1

Prints the table; --output writes it as JSON and Markdown.
"""

import keras
from absl import flags

from nfs_keras.cli.arguments import words_named
from nfs_keras.datasets import open_dataset
from nfs_keras.files import replace_file
from nfs_keras.scoring import evaluate_network

FLAGS = flags.FlagValues()
flags.DEFINE_string("network", None, "A .keras file.", flag_values=FLAGS)
flags.DEFINE_integer("trial", None, "Trial to test on.", flag_values=FLAGS)
flags.DEFINE_string(
    "output", None, "Write OUTPUT.json and OUTPUT.md too.", flag_values=FLAGS
)
flags.mark_flag_as_required("network", flag_values=FLAGS)


def run(words):
    options = {} if FLAGS.trial is None else {"trial": FLAGS.trial}
    dataset = open_dataset(words_named(words, "DATA"), **options)
    network = keras.models.load_model(FLAGS.network)
    table = evaluate_network(network, dataset)
    print(table)
    if FLAGS.output:
        texts = {"json": table.to_json(), "md": table.markdown()}
        for suffix, text in texts.items():
            with replace_file(f"{FLAGS.output}.{suffix}", "w") as file:
                file.write(text)
