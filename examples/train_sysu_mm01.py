"""The main job on SYSU-MM01: six cameras, many more people, galleries drawn.

Without --data_dir it draws a small synthetic SYSU-MM01 once:

    python examples/train_sysu_mm01.py

With SYSU-MM01 on disk and a GPU:

    python examples/train_sysu_mm01.py --data_dir=SYSU-MM01 --preset=paper

Infrared pictures are searched for among visible ones, in galleries that are
drawn ten times: all-search and indoor-search, single- and multi-shot. The same
command goes on where it was interrupted.
"""

import nfs_reid  # isort: split

import dataclasses
import pathlib
import sys

from absl import flags

from nfs_keras.datasets import SYSUMM01, synthesize_sysu_mm01
from nfs_keras.pipeline import run_pipeline
from nfs_keras.recipes import PRESETS
from nfs_keras.scale import make_strategy

FLAGS = flags.FLAGS
flags.DEFINE_string("data_dir", None, "SYSU-MM01's folder; drawn if not given.")
flags.DEFINE_enum(
    "sampler", "seeded", ["seeded", "official"], "Who draws the galleries."
)
flags.DEFINE_enum("preset", "demo", PRESETS, "How large and how long.")
flags.DEFINE_string("output", "runs/sysu_mm01", "The run's folder.")
flags.DEFINE_integer("seed", 0, "Seed of everything.")
flags.DEFINE_enum(
    "strategy", "none", ["none", "mirrored"], "mirrored: on all GPUs here."
)
flags.DEFINE_bool("smoke", False, "Try every stage in a minute.")


def find_data():
    """The dataset's folder: the one given, or a synthetic one, drawn once."""
    if FLAGS.data_dir:
        return FLAGS.data_dir
    # 25 of 130 people are tested on: enough for ranks up to 20.
    people, shape = (130, (64, 32)) if FLAGS.smoke else (200, (128, 64))
    root = pathlib.Path(f"data/synthetic_sysu_mm01_{people}")
    if not root.exists():
        print(f"No --data_dir: making {people} people in {root}.", flush=True)
        synthesize_sysu_mm01(
            root, people, image_shape=shape, verbose=sys.stdout.isatty()
        )
    print("These people are synthetic; give --data_dir for the real SYSU-MM01.")
    return root


def main(_):
    dataset = SYSUMM01(find_data(), sampler=FLAGS.sampler)
    recipe = PRESETS[FLAGS.preset]()
    if FLAGS.smoke:
        recipe = recipe.smoke()
    elif FLAGS.preset == "paper":
        # AGW's epoch: as many pictures as the larger modality has.
        visible = sum(s.modality == "visible" for s in dataset.train)
        recipe = dataclasses.replace(recipe, steps=visible // 32)
    with make_strategy(FLAGS.strategy).scope():
        run = run_pipeline(FLAGS.output, dataset, recipe, FLAGS.seed)
    print(f"Open {run / 'report.html'} in a browser.")


if __name__ == "__main__":
    nfs_reid.run(main)
