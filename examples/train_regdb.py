"""The main job on RegDB: search which features to keep, and what it brings.

Without --data_dir it draws a synthetic RegDB once, so that it runs anywhere:

    python examples/train_regdb.py

With RegDB on disk and a GPU, the same program is the paper's experiment:

    python examples/train_regdb.py --data_dir=RegDB --preset=paper --trial=all

It trains a baseline, searches, derives, retrains, compacts, evaluates both
directions, exports a SavedModel and writes report.html. Ctrl-C or a crash loses
at most an epoch: the same command goes on.
"""

import nfs_reid  # isort: split

import pathlib
import sys

from absl import flags

from nfs_keras.datasets import RegDB, synthesize_regdb
from nfs_keras.pipeline import run_pipeline, run_trials
from nfs_keras.recipes import PRESETS, STARTS
from nfs_keras.scale import make_strategy

FLAGS = flags.FLAGS
flags.DEFINE_string("data_dir", None, "RegDB's folder; drawn if not given.")
flags.DEFINE_enum(
    "trial", "1", [*map(str, range(1, 11)), "all"], "Trial, or all and average."
)
flags.DEFINE_enum("preset", "demo", PRESETS, "How large and how long.")
flags.DEFINE_enum(
    "backbone", None, list(STARTS), "Which network, if not the preset's."
)
flags.DEFINE_string("output", "runs/regdb", "The run's folder.")
flags.DEFINE_integer("seed", 0, "Seed of everything.")
flags.DEFINE_enum(
    "search", "dual", ["dual", "channel", "spatial"], "What is searched."
)
flags.DEFINE_bool("compress", False, "Search for fewer operations.")
flags.DEFINE_enum(
    "strategy", "none", ["none", "mirrored"], "mirrored: on all GPUs here."
)
flags.DEFINE_bool("smoke", False, "Try every stage in a minute.")


def find_data():
    """The dataset's folder: the one given, or a synthetic one, drawn once."""
    if FLAGS.data_dir:
        return FLAGS.data_dir
    people = 24 if FLAGS.smoke else 412
    root = pathlib.Path(f"data/synthetic_regdb_{people}")
    if not root.exists():
        print(f"No --data_dir: drawing {people} people in {root}.", flush=True)
        synthesize_regdb(root, people, verbose=sys.stdout.isatty())
    print("These people are drawn; give --data_dir for the real RegDB.")
    return root


def main(_):
    dataset = RegDB(find_data())
    recipe = PRESETS[FLAGS.preset]()
    if FLAGS.backbone:
        recipe = recipe.with_backbone(FLAGS.backbone)
    if FLAGS.compress:
        recipe = recipe.compressed()
    if FLAGS.smoke:
        recipe = recipe.smoke()
    how = (recipe, FLAGS.seed, FLAGS.search)
    output = pathlib.Path(FLAGS.output)
    with make_strategy(FLAGS.strategy).scope():
        if FLAGS.trial == "all":
            run_trials(output, dataset, *how)
        else:
            run_pipeline(output, dataset.replace(trial=int(FLAGS.trial)), *how)
    print(f"Open {output / 'report.html'} in a browser.")


if __name__ == "__main__":
    nfs_reid.run(main)
