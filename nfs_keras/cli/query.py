r"""Finds the most similar images of a gallery to an image.

    nfs-reid query --gallery=people.db --model=saved_model/1 \
        --modality=infrared --top=5 IMAGE

--server=localhost:8500 instead of --model embeds the image on a server.
Prints rank, similarity, camera and id. --drawing=answer.png draws the list,
with ids read as paths below --root; it requires the extra `report`.
"""

import pathlib

from absl import flags

from nfs_keras.cli.arguments import words_named
from nfs_keras.cli.embedder_flags import embedder_flags, make_embedder
from nfs_keras.report.style import GRAY_IMAGE, new_figure, read_image, styled
from nfs_keras.scale import Gallery, format_matches, query_image

FLAGS = embedder_flags(flags.FlagValues())
flags.DEFINE_string(
    "gallery", None, "people.db or http://host:19530.", flag_values=FLAGS
)
flags.DEFINE_enum(
    "modality", None, ["visible", "infrared"], "Of IMAGE.", flag_values=FLAGS
)
flags.DEFINE_integer("top", 5, "Length of the list.", flag_values=FLAGS)
flags.DEFINE_multi_integer(
    "camera", None, "Only of this camera; may repeat.", flag_values=FLAGS
)
flags.DEFINE_string(
    "drawing", None, "Draw the list: OUT.png.", flag_values=FLAGS
)
flags.DEFINE_string(
    "root", ".", "Folder that was embedded, for --drawing.", flag_values=FLAGS
)
for name in ("gallery", "modality"):
    flags.mark_flag_as_required(name, flag_values=FLAGS)


def run(words):
    image = words_named(words, "IMAGE")
    where = {"camera": FLAGS.camera} if FLAGS.camera else {}
    check_exists(FLAGS.gallery)
    embedder = make_embedder(FLAGS, FLAGS.modality)
    with Gallery(FLAGS.gallery) as gallery:
        matches = query_image(gallery, embedder, image, top=FLAGS.top, **where)
    print(format_matches(matches))
    if FLAGS.drawing:
        draw_matches(image, matches, FLAGS.root).savefig(FLAGS.drawing)
        print(f"Written: {FLAGS.drawing}")


def check_exists(gallery):
    """Raises `ValueError` for a file that opening the gallery would make."""
    if gallery.endswith(".db") and not pathlib.Path(gallery).exists():
        raise ValueError(
            "A query searches a gallery that has been filled. "
            f"Received: --gallery={gallery}, which does not exist. "
            "Fill it by `nfs-reid index`, or check the path."
        )


@styled
def draw_matches(image, matches, root):
    """Draws a query and its matches in a row, with their similarities.

    Args:
        image: Path of the query.
        matches: List of `nfs_keras.scale.Match`; ids are paths below `root`.
        root: Folder of the gallery's images.

    Returns:
        A `matplotlib.figure.Figure`. A missing image is grey.
    """
    labelled = [("query", image)]
    for rank, match in enumerate(matches, 1):
        labelled.append((f"{rank}: {match.similarity:.2f}", match.id))
    width = len(labelled)
    figure, (row,) = new_figure(1.9, 1, width, width=0.8 * width)
    for axes, (title, path) in zip(row, labelled, strict=True):
        found = read_image(path, root)
        axes.imshow(
            GRAY_IMAGE if found is None else found, interpolation="none"
        )
        axes.set_title(title, fontsize=8)
        axes.set_axis_off()
    return figure
