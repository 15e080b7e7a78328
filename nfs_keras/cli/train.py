"""The main job: search, derive, retrain, compact, evaluate, export, report.

    nfs-reid train --output=runs/first --data=data/RegDB --preset=demo

An interrupted run goes on with the same command.
"""

from absl import flags

from nfs_keras.cli.arguments import words_named
from nfs_keras.datasets import check_dataset, open_dataset
from nfs_keras.pipeline import run_pipeline
from nfs_keras.recipes import PRESETS

FLAGS = flags.FlagValues()
flags.DEFINE_string("data", None, "The dataset's folder.", flag_values=FLAGS)
flags.DEFINE_string("output", None, "The run's folder.", flag_values=FLAGS)
flags.DEFINE_enum(
    "preset", "demo", PRESETS, "How large and how long.", flag_values=FLAGS
)
flags.DEFINE_integer("trial", 1, "Trial of RegDB.", flag_values=FLAGS)
flags.DEFINE_integer("seed", 0, "Seed of everything.", flag_values=FLAGS)
flags.DEFINE_enum(
    "search", "dual", ["dual", "channel", "spatial"], "What to search.",
    flag_values=FLAGS,
)  # fmt: skip
flags.DEFINE_bool("smoke", False, "A minute, to try it.", flag_values=FLAGS)
for name in ("data", "output"):
    flags.mark_flag_as_required(name, flag_values=FLAGS)


def run(words):
    words_named(words)
    report = check_dataset(FLAGS.data)
    if not report.ok:
        print(report)
        return 1
    recipe = PRESETS[FLAGS.preset]()
    run_pipeline(
        FLAGS.output,
        open_dataset(FLAGS.data, trial=FLAGS.trial),
        recipe.smoke() if FLAGS.smoke else recipe,
        seed=FLAGS.seed,
        search=FLAGS.search,
    )
    return 0
