"""Converts weights of other programs into a network of this package.

    nfs-reid import-weights agw.t agw.keras --backbone=agw --num_identities=395

SOURCE is a PyTorch state_dict of AGW or of torchvision's ResNet-50 or -18, a
.keras or .h5 file, or the word imagenet. TARGET is a network without search
gates: evaluate it, or start from it with `reid_network(weights=TARGET)`.
"""

from absl import flags

from nfs_keras.cli.arguments import words_named
from nfs_keras.models import reid_network

FLAGS = flags.FlagValues()
flags.DEFINE_enum(
    "backbone", "resnet50",
    ["agw", "imagenet_resnet50", "resnet18", "resnet50", "tiny"],
    "Backbone of the weights.", flag_values=FLAGS,
)  # fmt: skip
flags.DEFINE_integer(
    "num_identities", 206, "Identities to classify.", flag_values=FLAGS
)
flags.DEFINE_bool(
    "skip_classifier", False, "Start with a new classifier.", flag_values=FLAGS
)
flags.DEFINE_integer("height", 288, "Of the images.", flag_values=FLAGS)
flags.DEFINE_integer("width", 144, "Of the images.", flag_values=FLAGS)


def run(words):
    source, target = words_named(words, "SOURCE", "TARGET.keras")
    if not target.endswith(".keras"):
        raise ValueError(
            "A network must be written to a .keras file. "
            f"Received: TARGET={target!r}. Name it {target + '.keras'!r}."
        )
    network = reid_network(
        FLAGS.backbone,
        (FLAGS.height, FLAGS.width, 3),
        FLAGS.num_identities,
        search=None,
        weights=source,
        skip_classifier=FLAGS.skip_classifier,
    )
    network.save(target)
    print(f"Written: {target}")
