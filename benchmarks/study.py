"""Does the search pay? The rows of the study, at equal cost.

    python -m benchmarks.study --world=1001 --seed=0
    python -m benchmarks.study --world=1001 --rows=plain,searched_compact
    python -m benchmarks.study --smoke    # does every row run?

Makes a synthetic RegDB of its own for each world (or takes --data), trains the
rows on it and adds a line for each to --results. Every row has a cost: the
processor seconds of all its training, search included, and the operations of
its final network; `plain` trains for as many epochs as the search's run costs.

- `plain`: no gates, the same losses, equal cost;
- `searched_compact`: one run with the preset's budget, compacted;
- `searched`: the same without a budget;
- `open_path`: the same run with sampled gates, nothing chosen, then all open;
- `random`: an architecture of the searched one's counts, chosen by chance,
  trained from the start for as long as `plain`;
- `channel`, `spatial`: only one level;
- `without_cmco_above`: the gates descend the triplet loss alone.
"""

import dataclasses
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

from absl import app, flags

from nfs_keras.callbacks import SearchPhases
from nfs_keras.datasets import open_dataset
from nfs_keras.evaluation import evaluate
from nfs_keras.layers import find_gates
from nfs_keras.models import Architecture, Objective, compact, count_flops
from nfs_keras.pipeline import image_embedder, training
from nfs_keras.presets import Demo
from nfs_keras.run_folder import RunFolder
from nfs_keras.synthetic import synthesize_regdb

RESULTS = pathlib.Path(__file__).parent / "results" / "study.jsonl"
FIGURES = ("rank1", "mean_ap", "mean_inp")
FLAGS = flags.FLAGS


@dataclasses.dataclass(frozen=True)
class TripletAbove(Demo):
    """The demo, but the gates descend no contrast."""

    def arch_loss(self):
        return Objective(identity=0.0, triplet_loss=self.triplet())


class OpenPath(SearchPhases):
    """Samples the gates without searching, then opens them all."""

    def on_epoch_begin(self, epoch, logs=None):
        super().on_epoch_begin(epoch, logs)
        if self.model.phase_name == "frozen":
            for gate in find_gates(self.model):
                gate.open()


@dataclasses.dataclass(frozen=True)
class StillGates(Demo):
    """The demo, but the gates never move."""

    def arch_optimizer(self):
        optimizer = super().arch_optimizer()
        optimizer.learning_rate = 0.0
        return optimizer


def plain(run, dataset, preset, seed):
    """Trains without gates, for the cost of the search's run."""
    people = dataset.train
    network = training.start_network(preset, people, None, seed)
    epochs = preset.baseline_epochs()
    training.train_weights(run, "plain", preset, people, network, seed, epochs)
    return network, epochs


def searched(run, dataset, preset, seed, search="dual"):
    """Trains and searches in one run."""
    network = training.search_features(run, preset, dataset.train, search, seed)
    return compact(network), preset.epochs


def open_path(run, dataset, preset, seed):
    """Trains with the same noise, and chooses nothing."""
    still = StillGates(**{**vars(preset), "budget": None})
    phases, training.SearchPhases = training.SearchPhases, OpenPath
    try:
        return searched(run, dataset, still, seed)
    finally:
        training.SearchPhases = phases


def random(run, dataset, preset, seed):
    """Trains with features chosen by chance, as many as a search keeps."""
    found = dataset.root / f"searched-{seed}.json"
    if not found.exists():
        raise ValueError(
            "A random choice keeps as many as a search of the same seed. "
            f"Received: seed={seed}, for which there is none. "
            "Let the row `searched_compact` come first."
        )
    people = dataset.train
    network = training.start_network(preset, people, "dual", seed)
    Architecture.load(found).random(seed).apply(network)
    epochs = preset.baseline_epochs()
    training.train_weights(run, "random", preset, people, network, seed, epochs)
    return compact(network), epochs


def searched_compact(run, dataset, preset, seed):
    """Searches with the budget, and keeps the choice for `random`."""
    network = searched(run, dataset, preset, seed)
    kept = dataset.root / f"searched-{seed}.json"
    shutil.copy(run / "architecture.json", kept)
    return network


def one_level(search):
    return lambda *given: searched(*given, search=search)


def with_preset(change):
    return lambda run, dataset, preset, seed: searched(
        run, dataset, change(preset), seed
    )


ROWS = {
    "plain": plain,
    "searched_compact": searched_compact,
    "searched": with_preset(lambda p: dataclasses.replace(p, budget=None)),
    "open_path": open_path,
    "random": random,
    "channel": one_level("channel"),
    "spatial": one_level("spatial"),
    "without_cmco_above": with_preset(lambda p: TripletAbove(**vars(p))),
}
flags.DEFINE_integer("world", 7, "Seed of the synthetic people.")
flags.DEFINE_string("data", None, "A dataset, instead of a synthetic world.")
flags.DEFINE_integer("seed", 0, "Seed of the training.")
flags.DEFINE_list("rows", list(ROWS), "Which rows.")
flags.DEFINE_bool("smoke", False, "Run every row on a few people.")
flags.DEFINE_string("results", str(RESULTS), "File to add the lines to.")


def measure(row, dataset, preset, world, seed):
    """Trains and scores one row; gives its line."""
    with tempfile.TemporaryDirectory() as folder:
        with RunFolder(folder, {}) as run:
            network, epochs = ROWS[row](run, dataset, preset, seed)
            seconds = run.cpu_seconds(("plain", "search", "random"))
    table = evaluate(image_embedder(network), dataset)
    directions = {
        line.direction: {name: round(line.mean[name], 2) for name in FIGURES}
        for line in table.rows
    }
    return {
        "row": row,
        "dataset": dataset.name,
        "world": world,
        "seed": seed,
        "budget": "demo",
        **directions,
        "operations": count_flops(network.encoder("visible")),
        "cpu_seconds": round(seconds, 1),
        "epochs": epochs,
        "command": " ".join(["python -m benchmarks.study", *sys.argv[1:]]),
        "commit": commit(),
    }


def commit():
    """The commit of the tree, with a + if it has been changed."""
    words = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    ended = subprocess.run(words, capture_output=True, text=True)
    return ended.stdout.strip() or "unknown"


def main(_):
    with tempfile.TemporaryDirectory() as folder:
        root, preset = FLAGS.data, Demo()
        if FLAGS.smoke:
            preset = preset.smoke()
        if root is None:
            people = (24, 4) if FLAGS.smoke else (412, 10)
            root = synthesize_regdb(
                pathlib.Path(folder) / "world",
                *people,
                seed=FLAGS.world,
                verbose=False,
            )
        dataset = open_dataset(root)
        for row in FLAGS.rows:
            line = measure(row, dataset, preset, FLAGS.world, FLAGS.seed)
            print(json.dumps(line), flush=True)
            if not FLAGS.smoke:
                with open(FLAGS.results, "a") as file:
                    file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    app.run(main)
