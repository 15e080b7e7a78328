"""Embeds a folder of images into Parquet shards.

    nfs-reid embed --model=saved_model/1 --modality=visible \
        --output=DIR FOLDER
    nfs-reid embed --server=localhost:8500 --modality=visible \
        --output=DIR FOLDER

A second start skips what is done; images that cannot be read are listed.
Instead of FOLDER a list of paths, LIST.parquet, tells cameras and times too.
"""

from absl import flags

from nfs_keras.cli.arguments import words_named
from nfs_keras.scale import (
    Embedder,
    embed_images,
    list_images,
    read_image_list,
)
from nfs_keras.serving import RemoteEmbedder

FLAGS = flags.FlagValues()
flags.DEFINE_string("model", None, "A SavedModel.", flag_values=FLAGS)
flags.DEFINE_string(
    "server", None, "Instead of --model: host:port or http://host:port.",
    flag_values=FLAGS,
)  # fmt: skip
flags.DEFINE_integer(
    "version", None, "Of the model on --server; the newest if not given.",
    flag_values=FLAGS,
)  # fmt: skip
flags.DEFINE_string(
    "certificates", None, "PEM file of authorities, for an encrypted --server.",
    flag_values=FLAGS,
)  # fmt: skip
flags.DEFINE_enum(
    "modality", None, ["visible", "infrared"], "Of all images.",
    flag_values=FLAGS,
)  # fmt: skip
flags.DEFINE_string("output", None, "Folder of the shards.", flag_values=FLAGS)
flags.DEFINE_enum(
    "engine", "local", ["local", "ray"], "Who does the work.",
    flag_values=FLAGS,
)  # fmt: skip
flags.DEFINE_integer("batch_size", 64, "Images a call.", flag_values=FLAGS)
flags.DEFINE_float(
    "num_gpus", 0, "GPUs of each actor of Ray.", flag_values=FLAGS
)
for name in ("modality", "output"):
    flags.mark_flag_as_required(name, flag_values=FLAGS)
flags.mark_flags_as_mutual_exclusive(
    ["model", "server"], required=True, flag_values=FLAGS
)


def run(words):
    if FLAGS.server:
        embedder = RemoteEmbedder(
            FLAGS.server,
            FLAGS.modality,
            version=FLAGS.version,
            certificates=FLAGS.certificates,
        )
    else:
        embedder = Embedder(FLAGS.model, FLAGS.modality)
    place = words_named(words, "FOLDER")
    listed = place.endswith(".parquet")
    counts = embed_images(
        read_image_list(place) if listed else list_images(place),
        FLAGS.output,
        embedder,
        engine=FLAGS.engine,
        batch_size=FLAGS.batch_size,
        num_gpus=FLAGS.num_gpus,
    )
    print(counts)
