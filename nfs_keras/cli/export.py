"""Writes a network as a SavedModel that TF-Serving runs as it is.

    nfs-reid export --network=run/model.keras models/person

A network whose gates are frozen is compacted. Each call adds a version.
"""

import keras
from absl import flags

from nfs_keras.cli.arguments import words_named
from nfs_keras.serving import export_saved_model

FLAGS = flags.FlagValues()
flags.DEFINE_string("network", None, "A .keras file.", flag_values=FLAGS)
flags.DEFINE_enum(
    "precision", "float32", ["float32", "bfloat16", "float16"],
    "Of the kernels.", flag_values=FLAGS,
)  # fmt: skip
flags.mark_flag_as_required("network", flag_values=FLAGS)


def run(words):
    network = keras.models.load_model(FLAGS.network)
    directory = words_named(words, "DIRECTORY")
    path = export_saved_model(network, directory, precision=FLAGS.precision)
    print(f"Written: {path}")
