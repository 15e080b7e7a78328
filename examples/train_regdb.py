"""The main job on RegDB: search which features to keep, and what it brings.

Without --data_dir it draws a synthetic RegDB once, so that it runs anywhere:

    python examples/train_regdb.py

With RegDB on disk and a GPU, the same program is the paper's experiment:

    python examples/train_regdb.py --data_dir=RegDB --preset=paper --trial=all

It trains a baseline, searches, derives, retrains, compacts, evaluates both
directions, exports a SavedModel and writes report.html. Ctrl-C or a crash loses
at most an epoch: the same command goes on.
"""

import pathlib
import sys

from absl import app, flags

from nfs_keras.datasets import RegDB, check_dataset, synthesize_regdb
from nfs_keras.pipeline import run_pipeline
from nfs_keras.recipes import PRESETS

FLAGS = flags.FLAGS
flags.DEFINE_string("data_dir", None, "RegDB's folder; drawn if not given.")
flags.DEFINE_string("trial", "1", "Trial 1 to 10, or 'all'.")
flags.DEFINE_enum("preset", "demo", PRESETS, "How large and how long.")
flags.DEFINE_string("output", "runs/regdb", "The run's folder.")
flags.DEFINE_integer("seed", 0, "Seed of everything.")
flags.DEFINE_enum(
    "search", "dual", ["dual", "channel", "spatial"], "What is searched."
)
flags.DEFINE_bool("smoke", False, "Try every stage in a minute.")


def find_data():
    """The dataset's folder: the one given, or a synthetic one, drawn once."""
    if FLAGS.data_dir:
        return FLAGS.data_dir
    people = 24 if FLAGS.smoke else 412
    root = pathlib.Path(f"data/synthetic_regdb_{people}")
    if not root.exists():
        print(f"No --data_dir: drawing {people} synthetic people in {root}.")
        synthesize_regdb(root, num_identities=people)
    print(f"Data: {root} (synthetic; give --data_dir for the real RegDB).")
    return root


def main(_):
    root = find_data()
    report = check_dataset(root)
    if not report.ok:
        print(report)
        sys.exit(1)
    recipe = PRESETS[FLAGS.preset]()
    if FLAGS.smoke:
        recipe = recipe.smoke()
    trials = range(1, 11) if FLAGS.trial == "all" else [int(FLAGS.trial)]
    for trial in trials:
        output = pathlib.Path(FLAGS.output)
        if len(trials) > 1:
            output = output / f"trial{trial:02d}"
        dataset = RegDB(root, trial=trial)
        run = run_pipeline(output, dataset, recipe, FLAGS.seed, FLAGS.search)
        print(f"Open {run / 'report.html'} in a browser.")


if __name__ == "__main__":
    try:
        app.run(main)
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on where it stopped.")
        sys.exit(130)
