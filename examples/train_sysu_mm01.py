"""Searches which features to keep on SYSU-MM01: six cameras, random galleries.

Without --data it makes a small synthetic SYSU-MM01 once:

    python examples/train_sysu_mm01.py

With SYSU-MM01 on disk and a GPU:

    python examples/train_sysu_mm01.py --data=SYSU-MM01 --preset=paper

Infrared images are searched for among visible ones, in ten random
galleries each: all-search and indoor-search, single- and multi-shot. After
Ctrl-C run the same command again: it resumes.
"""

import pathlib
import sys

from absl import flags

from nfs_keras.cli import run
from nfs_keras.datasets import SYSUMM01
from nfs_keras.distribute import make_strategy
from nfs_keras.pipeline import run_pipeline
from nfs_keras.presets import PRESETS
from nfs_keras.synthetic import synthesize_sysu_mm01

FLAGS = flags.FLAGS
flags.DEFINE_string("data", None, "SYSU-MM01's folder; else a synthetic one.")
flags.DEFINE_enum(
    "sampler", "seeded", ["seeded", "official"], "How galleries are chosen."
)
flags.DEFINE_enum("preset", "demo", PRESETS, "How large and how long.")
flags.DEFINE_string("output", "runs/sysu_mm01", "The run's folder.")
flags.DEFINE_integer("seed", 0, "Seed of everything.")
flags.DEFINE_enum(
    "strategy", "none", ["none", "mirrored"], "mirrored: on all GPUs here."
)
flags.DEFINE_bool("smoke", False, "Try every stage in a minute.")


def find_data():
    """The dataset's folder: the one given, or a synthetic one, made once."""
    if FLAGS.data:
        return FLAGS.data
    people = 130 if FLAGS.smoke else 200  # 25 of 130 are tested on
    root = pathlib.Path(f"data/synthetic_sysu_mm01_{people}")
    if not root.exists():
        print(f"No --data: making {people} people in {root}.", flush=True)
        synthesize_sysu_mm01(root, people, verbose=sys.stdout.isatty())
    print("These people are synthetic; give --data for the real SYSU-MM01.")
    return root


def main(_):
    dataset = SYSUMM01(find_data(), sampler=FLAGS.sampler)
    preset = PRESETS[FLAGS.preset]()
    if FLAGS.smoke:
        preset = preset.smoke()
    with make_strategy(FLAGS.strategy).scope():
        finished = run_pipeline(FLAGS.output, dataset, preset, FLAGS.seed)
    print(f"Open {finished / 'report.html'} in a browser.")


if __name__ == "__main__":
    run(main)
