"""Searches the features of a network on a dataset, from data to SavedModel.

    nfs-reid train data/RegDB --output=runs/first

Trains a baseline, and for the same processor time a second network whose
features are searched during training. The second network is compacted,
compared with the baseline, exported for TF-Serving and described in
report.html. docs/run_folder.md explains every file of --output.

To resume an interrupted run, run the same command again. --trial=all trains on
all ten trials of RegDB and averages, as in publications. --retrain trains the
searched network once more, from the start.
"""

from absl import flags

from nfs_keras.cli.training_flags import (
    chosen_dataset,
    chosen_preset,
    named_dataset,
    training_flags,
)
from nfs_keras.distribute import make_strategy
from nfs_keras.pipeline import run_pipeline, run_trials

FLAGS = training_flags()
flags.DEFINE_bool(
    "retrain", False, "Train once more with the final masks.",
    flag_values=FLAGS,
)  # fmt: skip


def run(words):
    given = (chosen_preset(FLAGS), FLAGS.seed, FLAGS.search)
    options = {"retrain": FLAGS.retrain}
    with make_strategy(FLAGS.strategy).scope():
        if FLAGS.trial == "all":
            dataset = named_dataset(FLAGS, words)
            run_trials(FLAGS.output, dataset, *given, **options)
        else:
            dataset = chosen_dataset(FLAGS, words)
            run_pipeline(FLAGS.output, dataset, *given, **options)
