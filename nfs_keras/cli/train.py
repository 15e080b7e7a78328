"""Does the main job: what does searching features bring on this dataset?

    nfs-reid train --data=data/RegDB --output=runs/first

A baseline is trained; features are searched on two halves of the training
people; the network is retrained with what was chosen, cut down to it,
evaluated beside the baseline, exported for TF-Serving and drawn in
report.html. docs/run_folder.md explains every file of --output.

An interrupted run goes on with the same command. --trial=all trains on all ten
trials of RegDB and averages, as published figures are.
"""

from nfs_keras.cli.arguments import words_named
from nfs_keras.cli.training_flags import (
    chosen_dataset,
    chosen_recipe,
    training_flags,
)
from nfs_keras.datasets import open_dataset
from nfs_keras.pipeline import run_pipeline, run_trials
from nfs_keras.scale import make_strategy

FLAGS = training_flags()


def run(words):
    words_named(words)
    how = (chosen_recipe(FLAGS), FLAGS.seed, FLAGS.search)
    with make_strategy(FLAGS.strategy).scope():
        if FLAGS.trial == "all":
            data = open_dataset(FLAGS.data, reader=FLAGS.reader)
            run_trials(FLAGS.output, data, *how)
        else:
            run_pipeline(FLAGS.output, chosen_dataset(FLAGS), *how)
