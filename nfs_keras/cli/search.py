"""Searches which features to keep, without a baseline or an export.

    nfs-reid search data/RegDB --output=runs/first

Writes architecture.json, for `nfs-reid retrain`, gates.npz, the logits of the
gates by epoch, and searched.keras, the network of the search. `nfs-reid train`
with the same flags resumes from there.
"""

from nfs_keras.cli.training_flags import (
    chosen_dataset,
    chosen_preset,
    training_flags,
)
from nfs_keras.distribute import make_strategy
from nfs_keras.pipeline import run_pipeline

FLAGS = training_flags()


def run(words):
    with make_strategy(FLAGS.strategy).scope():
        run = run_pipeline(
            FLAGS.output,
            chosen_dataset(FLAGS, words),
            chosen_preset(FLAGS),
            FLAGS.seed,
            FLAGS.search,
            stages=("search",),
        )
    print(f"Written: {run / 'architecture.json'}")
