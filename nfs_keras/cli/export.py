"""Writes a network as a SavedModel for TF-Serving.

    nfs-reid export --model=run/model.keras models/person

The network is derived and compacted first. Each call adds a version; --onnx
and --litert write encoders in other formats beside it.
"""

from absl import flags

from nfs_keras.cli.arguments import load_network, words_named
from nfs_keras.serving import export_litert, export_onnx, export_saved_model

FLAGS = flags.FlagValues()
flags.DEFINE_string("model", None, "A .keras file.", flag_values=FLAGS)
flags.DEFINE_enum(
    "precision", "float32", ["float32", "bfloat16", "float16"],
    "Of the kernels.", flag_values=FLAGS,
)  # fmt: skip
flags.DEFINE_bool("onnx", False, "Also for ONNX.", flag_values=FLAGS)
flags.DEFINE_bool("litert", False, "Also for LiteRT.", flag_values=FLAGS)
flags.mark_flag_as_required("model", flag_values=FLAGS)


def run(words):
    network = load_network(FLAGS.model)
    directory = words_named(words, "DIRECTORY")
    path = export_saved_model(network, directory, precision=FLAGS.precision)
    paths = [path]
    if FLAGS.onnx:
        paths += export_onnx(network, f"{directory}/onnx").values()
    if FLAGS.litert:
        paths += export_litert(network, f"{directory}/litert").values()
    for path in paths:
        print(f"Written: {path}")
