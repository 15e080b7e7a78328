"""What does the search bring, and which part of it?

    python -m benchmarks.study --rows=baseline,dual_cmco_identity --seeds=0,1

Every row trains the same network from the same weights for the same epochs on
the same batches; rows that search do so before, and their seconds count it.
Each run is one line of `benchmarks/results/study.jsonl`; runs whose line is
there are not done again. `python -m benchmarks.study_report` makes
`docs/results.md` of them.
"""

import json
import pathlib
import subprocess
import sys
from dataclasses import replace

import tensorflow as tf
from absl import app, flags

from benchmarks.study_rows import ROWS, Study
from nfs_keras.datasets import open_dataset, synthesize_regdb
from nfs_keras.recipes import demo

FLAGS = flags.FLAGS
flags.DEFINE_string("data", None, "A dataset; synthetic RegDB if not given.")
flags.DEFINE_string("source", None, "Where row `transferred` searches.")
flags.DEFINE_list("rows", None, "Rows to run; all if not given.")
flags.DEFINE_list("seeds", ["0"], "Seeds to run.")
flags.DEFINE_string(
    "results", "benchmarks/results/study.jsonl", "Where lines are added."
)
flags.DEFINE_bool("smoke", False, "Every row in seconds; proves nothing.")


def command(row, seed):
    """What makes the lines of one run."""
    words = {"data": FLAGS.data, "source": FLAGS.source}
    words = {name: word for name, word in words.items() if word}
    words |= {"rows": row, "seeds": seed}
    flags_given = [f"--{name}={word}" for name, word in words.items()]
    return " ".join(["python -m benchmarks.study", *flags_given])


def commit():
    """The commit of the working tree, `+` if it has been changed since."""
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"],
        capture_output=True,
        text=True,
        cwd=pathlib.Path(__file__).parent,
    )
    return answer.stdout.strip() or "unknown"


def done(path):
    """The (row, seed, dataset) of each line that is there."""
    if not path.exists():
        return set()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {(line["row"], line["seed"], line["dataset"]) for line in lines}


def make_study(recipe):
    """The study that the flags name; its datasets are drawn once."""
    people = 24 if FLAGS.smoke else 412
    root = pathlib.Path(FLAGS.data or f"data/synthetic_regdb_{people}")
    if not root.exists():
        synthesize_regdb(root, num_identities=people)
    source = FLAGS.source and Study(open_dataset(FLAGS.source), recipe)
    return Study(open_dataset(root), recipe, source)


def main(_):
    recipe = demo().compressed()
    if FLAGS.smoke:  # an untrained network does not survive large steps
        recipe = replace(recipe.smoke(), learning_rate=0.01, weights=None)
        tf.config.run_functions_eagerly(True)  # sooner than tracing two steps
    study = make_study(recipe)
    path = pathlib.Path(FLAGS.results)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = FLAGS.rows or [*ROWS, *(["transferred"] if FLAGS.source else [])]
    for seed in map(int, FLAGS.seeds):
        study.kept.clear()
        for row in rows:
            if (row, seed, study.name) in done(path):
                continue
            origin = {"command": command(row, seed), "commit": commit()}
            for line in study.run(row, seed):
                line |= origin
                with path.open("a") as file:
                    file.write(json.dumps(line) + "\n")
                print(json.dumps(line), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(app.run(main))
