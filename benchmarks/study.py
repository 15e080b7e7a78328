"""Does the search pay? The rows of the study, at equal cost.

    python -m benchmarks.study --world=1001 --seed=0
    python -m benchmarks.study --world=1001 --rows=plain,searched_compact
    python -m benchmarks.study --smoke    # does every row run?

Makes a synthetic RegDB of its own for each world (or takes --data), trains the
rows on it and adds a line for each to --results. Every row has a cost: the
processor seconds of all its training, search included, and the operations of
its final network. The rows without a search train for more epochs, so that
they cost what the search's run costs.

- `plain`: no gates, the same losses;
- `searched_compact`: one run with the preset's budget, compacted;
- `searched`: the same without a budget;
- `searched_small`: the same with a budget of 40 % of the operations;
- `open_path`: the same run with sampled gates, nothing chosen, then all open;
- `random`: an architecture of the searched one's counts, chosen by chance,
  trained from the start;
- `magnitude`: plain training, the filters of the least L1 norm removed when
  the search would freeze its gates, as many as the budget requires in every
  layer (Li et al., ICLR 2017), then fine-tuned on the same schedule;
- `squeeze_excitation`, `cbam`: plain training with these attention blocks
  behind every stage (Hu et al., CVPR 2018; Woo et al., ECCV 2018);
- `channel`, `spatial`: only one level;
- `without_cmco_above`: the gates descend the triplet loss alone;
- `joint`: gates and weights descend on the same batches.
"""

import collections
import dataclasses
import json
import pathlib
import shutil
import sys
import tempfile

import keras
import numpy as np
from absl import app, flags
from keras import ops, tree

from benchmarks.measure import commit
from benchmarks.mobilenet import mobilenet
from nfs_keras.callbacks import SearchPhases
from nfs_keras.datasets import open_dataset
from nfs_keras.evaluation import evaluate
from nfs_keras.layers import ChannelSearch, SearchGate, find_gates
from nfs_keras.models import (
    Architecture,
    Objective,
    compact,
    count_flops,
    reid_network,
)
from nfs_keras.pipeline import image_embedder, training
from nfs_keras.presets import Demo
from nfs_keras.reid.backbones import Backbone, make_backbone
from nfs_keras.run_folder import RunFolder
from nfs_keras.search.graph import trace
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
    """The demo, but the gates never move, and all open in the end."""

    def phases(self, on_freeze):
        return OpenPath(self.start, self.freeze, on_freeze)

    def arch_optimizer(self):
        optimizer = super().arch_optimizer()
        optimizer.learning_rate = 0.0
        return optimizer


class SmallFilters(SearchPhases):
    """Ranks the channels by the L1 norm of their filters, then freezes."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch / self.params["epochs"] >= self.freeze:
            rank_by_magnitude(self.model.model)
        super().on_epoch_begin(epoch, logs)


@dataclasses.dataclass(frozen=True)
class Magnitude(Demo):
    """The demo without a search, its small filters removed."""

    def phases(self, on_freeze):
        return SmallFilters(self.freeze, self.freeze, on_freeze)


def rank_by_magnitude(network):
    """Sets a gate's logits to its channels' ranks by L1 norm, in [0, 1].

    A gate that governs the sum of several convolutions ranks by the sum of
    their norms.
    """
    graph = trace(network.functional)
    made_by = {id(t): n for n in graph.nodes for t in tree.flatten(n.outputs)}
    norms = collections.Counter()

    def norm_of(tensor):
        node = made_by[id(tensor)]
        if isinstance(node.layer, keras.layers.Conv2D):
            kernel = ops.convert_to_numpy(node.layer.kernel)
            return np.abs(kernel).sum(axis=(0, 1, 2))
        if isinstance(node.layer, SearchGate):
            return 0.0  # a term of the sum that its own call has counted
        return sum(map(norm_of, node.tensors))

    for node in graph.nodes:
        if isinstance(node.layer, ChannelSearch) and "frozen_only" not in (
            node.kwargs
        ):
            norms[node.layer] += norm_of(node.tensors[0])
    for gate, norm in norms.items():
        ranks = norm.argsort().argsort() / len(norm)
        gate.logits.assign(np.tile(ranks, (gate.num_modalities, 1)))


class Attention:
    """Takes the place of a backbone's gates: attention behind every stage."""

    def __init__(self, pixels):
        self.pixels = pixels

    def channel(self, name, maps):
        return maps

    inner = channel

    def embedding(self, vectors):
        return vectors

    def output(self, name, maps):
        width = maps.shape[-1]
        hidden = keras.layers.Dense(width // 8, "relu", name=f"{name}_squeeze")
        excite = keras.layers.Dense(width, name=f"{name}_excite")
        pools = [ops.mean] + [ops.max] * self.pixels
        pooled = [pool(maps, axis=(1, 2), keepdims=True) for pool in pools]
        weight = sum(excite(hidden(vector)) for vector in pooled)
        maps = maps * ops.sigmoid(weight)
        if self.pixels:
            both = [pool(maps, axis=-1, keepdims=True) for pool in pools]
            conv = keras.layers.Conv2D(
                1, 7, padding="same", name=f"{name}_attend"
            )
            maps = maps * ops.sigmoid(conv(ops.concatenate(both, axis=-1)))
        return maps


@dataclasses.dataclass(frozen=True)
class WithAttention(Demo):
    """The demo's network with attention instead of gates."""

    pixels: bool = False

    def network(self, num_identities, search=None, seed=0):
        start = super().network(num_identities, None, seed)
        tiny = make_backbone(self.backbone)
        attentive = Backbone(
            tiny.make_stem,
            lambda maps, gates: tiny.grow(maps, Attention(self.pixels)),
        )
        network = reid_network(
            attentive, self.image_shape, num_identities, search=None
        )
        weights = start.named_variables()
        for name, variable in network.named_variables().items():
            if name in weights:
                variable.assign(weights[name])
        return network


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


def searched_compact(run, dataset, preset, seed):
    """Searches with the budget, and keeps the choice for `random`."""
    network = searched(run, dataset, preset, seed)
    kept = dataset.root / f"searched-{seed}.json"
    shutil.copy(run / "architecture.json", kept)
    return network


def open_path(run, dataset, preset, seed):
    """Trains with the same noise, and chooses nothing."""
    still = dataclasses.replace(like(StillGates, preset), budget=None)
    return searched(run, dataset, still, seed)


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


def magnitude(run, dataset, preset, seed):
    """Prunes small filters in the middle of a plain training."""
    epochs = preset.baseline_epochs()
    preset = dataclasses.replace(like(Magnitude, preset), epochs=epochs)
    return searched(run, dataset, preset, seed, search="channel")


def attention(pixels):
    def row(run, dataset, preset, seed):
        given = like(WithAttention, preset)
        return plain(
            run, dataset, dataclasses.replace(given, pixels=pixels), seed
        )

    return row


def one_level(search):
    return lambda *given: searched(*given, search=search)


def with_preset(change):
    return lambda run, dataset, preset, seed: searched(
        run, dataset, change(preset), seed
    )


def like(cls, preset):
    """A preset of a class with the numbers of another."""
    return cls(**vars(preset))


ROWS = {
    "plain": plain,
    "searched_compact": searched_compact,
    "searched": with_preset(lambda p: dataclasses.replace(p, budget=None)),
    "searched_small": with_preset(lambda p: dataclasses.replace(p, budget=0.4)),
    "open_path": open_path,
    "random": random,
    "magnitude": magnitude,
    "squeeze_excitation": attention(pixels=False),
    "cbam": attention(pixels=True),
    "channel": one_level("channel"),
    "spatial": one_level("spatial"),
    "without_cmco_above": with_preset(lambda p: like(TripletAbove, p)),
    "joint": with_preset(lambda p: dataclasses.replace(p, mode="joint")),
}
# Times the demo's epochs.
LENGTHS = {"half": 0.5, "demo": 1, "converged": 3, "twice_converged": 6}
flags.DEFINE_integer("world", 7, "Seed of the synthetic people.", 0)
flags.DEFINE_string("data", None, "A dataset, instead of a synthetic world.")
flags.DEFINE_string("dataset", "regdb", "What to call the data in a line.")
flags.DEFINE_string("mobilenet", None, "Weights: train MobileNetV2 with them.")
flags.DEFINE_enum("budget", "demo", list(LENGTHS), "How long to train.")
flags.DEFINE_integer("seed", 0, "Seed of the training.", 0)
flags.DEFINE_list("rows", list(ROWS), "Which rows.")
flags.register_validator(
    "rows",
    lambda rows: rows and {*rows} <= {*ROWS},
    f"must be some of {','.join(ROWS)}",
)
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
        "dataset": FLAGS.dataset,
        "world": None if FLAGS.data else world,
        "seed": seed,
        "budget": FLAGS.budget,
        **directions,
        "operations": count_flops(network.encoder("visible")),
        "cpu_seconds": round(seconds, 1),
        "epochs": epochs,
        "command": " ".join(["python -m benchmarks.study", *sys.argv[1:]]),
        "commit": commit(),
    }


def main(_):
    with tempfile.TemporaryDirectory() as folder:
        root = FLAGS.data
        preset = mobilenet(FLAGS.mobilenet) if FLAGS.mobilenet else Demo()
        epochs = round(preset.epochs * LENGTHS[FLAGS.budget])
        preset = dataclasses.replace(preset, epochs=epochs)
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
