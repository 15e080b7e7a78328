"""Searches which features to keep on RegDB, and compares at equal cost.

Without --data it makes a synthetic RegDB once, so that it runs anywhere:

    python examples/train_regdb.py

With RegDB on disk and a GPU, the same program is the paper's experiment:

    python examples/train_regdb.py --data=RegDB --preset=paper --trial=all

It trains a baseline and, for as much processor time, a network whose features
are searched on the way; compacts it, evaluates both directions, exports a
SavedModel and writes report.html. After Ctrl-C or a crash, run the same command
again: it resumes at the last finished epoch.
"""

import pathlib
import sys

from absl import flags

from nfs_keras.cli import run
from nfs_keras.datasets import RegDB
from nfs_keras.distribute import make_strategy
from nfs_keras.pipeline import run_pipeline, run_trials
from nfs_keras.presets import PRESETS
from nfs_keras.synthetic import synthesize_regdb

FLAGS = flags.FLAGS
flags.DEFINE_string("data", None, "RegDB's folder; synthetic if not given.")
flags.DEFINE_enum(
    "trial", "1", [*map(str, range(1, 11)), "all"], "Trial, or all and average."
)
flags.DEFINE_enum("preset", "demo", PRESETS, "How large and how long.")
flags.DEFINE_string("output", "runs/regdb", "The run's folder.")
flags.DEFINE_integer("seed", 0, "Seed of everything.")
flags.DEFINE_enum(
    "search", "dual", ["dual", "channel", "spatial"], "What is searched."
)
flags.DEFINE_enum(
    "strategy", "none", ["none", "mirrored"], "mirrored: on all GPUs here."
)
flags.DEFINE_bool("smoke", False, "Try every stage in a minute.")


def find_data():
    """The dataset's folder: the one given, or a synthetic one, made once."""
    if FLAGS.data:
        return FLAGS.data
    people = 24 if FLAGS.smoke else 412
    root = pathlib.Path(f"data/synthetic_regdb_{people}")
    if not root.exists():
        print(f"No --data: making {people} people in {root}.", flush=True)
        images = 4 if FLAGS.smoke else 10
        synthesize_regdb(root, people, images, verbose=sys.stdout.isatty())
    print("These people are synthetic; give --data for the real RegDB.")
    return root


def main(_):
    dataset = RegDB(find_data())
    preset = PRESETS[FLAGS.preset]()
    if FLAGS.smoke:
        preset = preset.smoke()
    given = (preset, FLAGS.seed, FLAGS.search)
    output = pathlib.Path(FLAGS.output)
    with make_strategy(FLAGS.strategy).scope():
        if FLAGS.trial == "all":
            run_trials(output, dataset, *given)
        else:
            run_pipeline(
                output, dataset.replace(trial=int(FLAGS.trial)), *given
            )
    print(f"Open {output / 'report.html'} in a browser.")


if __name__ == "__main__":
    run(main)
