"""Only the search: which features are worth keeping on this dataset?

    nfs-reid search --data=data/RegDB --output=runs/first

Leaves architecture.json, for `nfs-reid retrain`, and gates.npz, how the gates
moved. `nfs-reid train` with the same flags goes on from there.
"""

from nfs_keras.cli.arguments import words_named
from nfs_keras.cli.training_flags import (
    chosen_dataset,
    chosen_recipe,
    training_flags,
)
from nfs_keras.pipeline import run_pipeline
from nfs_keras.scale import make_strategy

FLAGS = training_flags()


def run(words):
    words_named(words)
    with make_strategy(FLAGS.strategy).scope():
        run = run_pipeline(
            FLAGS.output,
            chosen_dataset(FLAGS),
            chosen_recipe(FLAGS),
            FLAGS.seed,
            FLAGS.search,
            stages=("search",),
        )
    print(f"Written: {run / 'architecture.json'}")
