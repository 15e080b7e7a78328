"""Adds the embeddings of a directory to a gallery.

    nfs-reid index --gallery=people.db EMBEDDINGS_DIR

The gallery is a file, or the address of a Milvus server. An id that the
gallery has for another image raises an error, unless --replace is given. A
known image is skipped; --replace also writes its corrected modality, camera,
identity or time.
"""

from absl import flags

from nfs_keras.cli.arguments import words_named
from nfs_keras.scale import Gallery, index_embeddings

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "gallery", None, "people.db or http://host:19530.", flag_values=FLAGS
)
flags.DEFINE_bool(
    "replace", False, "Replace all rows that have the same id.",
    flag_values=FLAGS,
)  # fmt: skip
flags.mark_flag_as_required("gallery", flag_values=FLAGS)


def run(words):
    directory = words_named(words, "EMBEDDINGS_DIR")
    with Gallery(FLAGS.gallery) as gallery:
        counts = index_embeddings(gallery, directory, FLAGS.replace)
        total = gallery.count()
    print(
        f"{counts.new:,} new, {counts.replaced:,} replaced, "
        f"{counts.known:,} known before; "
        f"{total:,} embeddings are in {FLAGS.gallery}."
    )
