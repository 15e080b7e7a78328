r"""Trains a network with the architecture of an earlier search.

    nfs-reid retrain --architecture=runs/first/architecture.json \
        --output=runs/second data/RegDB

Trains from the start with its masks, compacts, evaluates, exports and reports.
--preset and --search must be those of the search that found it, because an
architecture lists every channel and pixel.
"""

from absl import flags

from nfs_keras.cli.training_flags import (
    chosen_dataset,
    chosen_preset,
    training_flags,
)
from nfs_keras.distribute import make_strategy
from nfs_keras.pipeline import run_pipeline

FLAGS = training_flags()
flags.DEFINE_string(
    "architecture", None, "An architecture.json.", flag_values=FLAGS
)
flags.mark_flag_as_required("architecture", flag_values=FLAGS)


def run(words):
    with make_strategy(FLAGS.strategy).scope():
        run_pipeline(
            FLAGS.output,
            chosen_dataset(FLAGS, words),
            chosen_preset(FLAGS),
            FLAGS.seed,
            FLAGS.search,
            architecture=FLAGS.architecture,
        )
