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
import time
from dataclasses import replace

import keras
import numpy as np
import tensorflow as tf
from absl import app, flags

from benchmarks.attention import CBAM, SqueezeExcitation
from nfs_keras.backbones import Stage
from nfs_keras.callbacks import TemperatureAnnealing, WarmUp
from nfs_keras.datasets import (
    IdentitySampler,
    identity_labels,
    open_dataset,
    split_by_identity,
    split_by_image,
    synthesize_regdb,
    training_dataset,
)
from nfs_keras.models import (
    Objective,
    ReIDNetwork,
    SearchModel,
    TrainingModel,
    compact,
    count_flops,
    reid_network,
)
from nfs_keras.pipeline.scoring import (
    describe_scores,
    embed_test,
    evaluate_embedded,
    image_embedder,
)
from nfs_keras.recipes import demo
from nfs_keras.schedules import exponential

FLAGS = flags.FLAGS
flags.DEFINE_string("data", None, "A dataset; synthetic RegDB if not given.")
flags.DEFINE_list("rows", None, "Rows to run; all if not given.")
flags.DEFINE_list("seeds", ["0"], "Seeds to run.")
flags.DEFINE_string(
    "results", "benchmarks/results/study.jsonl", "Where lines are added."
)
flags.DEFINE_bool("smoke", False, "Every row in seconds; proves nothing.")

# What each row searches, on which split, with which upper objective.
SEARCHES = {
    "joint": {"mode": "joint"},
    "channel": {"search": "channel"},
    "spatial": {"search": "spatial"},
    "dual": {"arch_contrast": 0.0},
    "dual_cmco_image": {"split": "image"},
    "dual_cmco_identity": {},
    "random": {"shuffled": True},
    "second_order": {"unrolled": True},
}
ATTENTION = {"squeeze_excitation": SqueezeExcitation, "cbam": CBAM}
ROWS = ("baseline", "baseline_cmco", *SEARCHES, *ATTENTION)


class Study:
    """Runs rows of the study on one dataset with one recipe."""

    def __init__(self, dataset, recipe):
        self.dataset = dataset
        self.recipe = recipe
        self.labels = identity_labels(dataset.train)

    def run(self, row, seed):
        """Trains and scores one row; yields its line, and the compacted one."""
        start = time.monotonic()
        if row in SEARCHES:
            network, extra = self.searched(seed, **SEARCHES[row])
        else:
            network, extra = self.plain(row, seed), {}
        seconds = round(time.monotonic() - start, 1)
        yield self.line(row, seed, network, seconds, extra)
        if row in SEARCHES:
            smaller = compact(network)
            yield self.line(f"{row}_compact", seed, smaller, seconds, {})

    def plain(self, row, seed):
        """Trains a network without gates: a baseline, or attention."""
        network = self.start(seed, search=None)
        if row in ATTENTION:
            network = with_attention(network, ATTENTION[row])
        contrast = 0.0 if row == "baseline" else self.recipe.contrast
        return self.train(network, seed, contrast)

    def searched(
        self,
        seed,
        search="dual",
        split=None,
        mode="bilevel",
        unrolled=False,
        arch_contrast=1.0,
        shuffled=False,
    ):
        """Searches, derives and retrains from the start."""
        recipe = replace(self.recipe, split=split or self.recipe.split)
        network = self.start(seed, search)
        model = SearchModel(network)
        epochs = recipe.warm_up_epochs + recipe.search_epochs
        objective = Objective(contrast=recipe.contrast)
        known = float(recipe.split == "image")
        model.compile(
            recipe.optimizer(epochs),
            recipe.arch_optimizer(),
            objective,
            objective
            if mode == "joint"
            else Objective(known, triplet=1.0, contrast=arch_contrast),
            mode=mode,
            unrolled=unrolled,
            budget=recipe.budget,
        )
        splits = {"identity": split_by_identity, "image": split_by_image}
        halves = splits[recipe.split](self.dataset.train, seed=seed)
        steps = epochs * recipe.steps
        model.fit(
            tf.data.Dataset.zip(
                *(
                    self.batches(half, seed + i, steps)
                    for i, half in enumerate(halves)
                )
            ),
            epochs=epochs,
            steps_per_epoch=recipe.steps,
            verbose=0,
            callbacks=[
                WarmUp(recipe.warm_up_epochs),
                TemperatureAnnealing(exponential(*recipe.temperatures)),
            ],
        )
        before = self.score(network)
        architecture = model.derive(recipe.budget)
        if shuffled:
            architecture = architecture.random(seed)
        architecture.apply(network)
        gap = mean_ap(before) - mean_ap(self.score(network))
        network = self.start(seed, search)
        architecture.apply(network)
        network = self.train(network, seed, recipe.contrast)
        return network, {
            "open_fraction": round(architecture.open_fraction(), 4),
            "discretisation_gap_mean_ap": round(gap, 2),
        }

    def start(self, seed, search):
        """The network of a seed before any training, whatever it searches."""
        keras.utils.set_random_seed(seed)
        recipe, count = self.recipe, len(self.labels)
        shape = recipe.image_shape
        plain = reid_network(recipe.backbone, shape, count, None)
        if search is None:
            return plain
        network = reid_network(
            recipe.backbone,
            shape,
            count,
            search,
            initial_logit=recipe.initial_logit,
            initial_temperature=recipe.temperatures[0],
            seed=seed,
        )
        network.copy_features(plain)
        return network

    def train(self, network, seed, contrast):
        recipe = self.recipe
        model = TrainingModel(network)
        model.compile(
            recipe.optimizer(recipe.epochs), Objective(contrast=contrast)
        )
        batches = self.batches(
            self.dataset.train, seed, recipe.epochs * recipe.steps
        )
        model.fit(batches, verbose=0)
        return network

    def batches(self, samples, seed, num_steps):
        recipe = self.recipe
        return training_dataset(
            samples,
            IdentitySampler(samples, *recipe.batch, seed=seed),
            recipe.image_shape,
            recipe.augmentation,
            seed=seed,
            num_steps=num_steps,
            labels=self.labels,
        )

    def score(self, network):
        """Scores a network on the dataset's protocol, by direction."""
        embedded = embed_test(image_embedder(network), self.dataset)
        return describe_scores(evaluate_embedded(embedded, self.dataset))

    def line(self, row, seed, network, seconds, extra):
        """The line of one run in `study.jsonl`."""
        scored = self.score(network)
        directions = ("visible_to_infrared", "infrared_to_visible")
        figures = ("rank1", "mean_ap", "mean_inp")
        return {
            "row": row,
            "seed": seed,
            "dataset": f"{self.dataset.name}:{self.dataset.root.name}",
            **{
                d: {f: round(scored[d][f], 3) for f in figures}
                for d in directions
            },
            "flops": count_flops(network.encoder("visible")),
            "seconds": seconds,
            **extra,
            "command": "python -m benchmarks.study "
            f"--rows={row.removesuffix('_compact')} --seeds={seed}",
            "commit": commit(),
        }


def with_attention(network, layer):
    """Makes the same network with an attention layer after every stage."""
    stages = [
        Stage([*map(clone, stage.blocks), layer()], name=stage.name)
        for stage in network.stages
    ]
    attended = ReIDNetwork(
        stems={name: clone(stem) for name, stem in network.stems.items()},
        stages=stages,
        pooling=clone(network.pooling),
        head=clone(network.head),
        image_shape=network.image_shape,
    )
    attended.build()
    pairs = [(network.head, attended.head)]
    pairs += [(network.stems[k], attended.stems[k]) for k in network.stems]
    for old, new in zip(network.stages, attended.stages, strict=True):
        pairs += zip(old.blocks, new.blocks[:-1], strict=True)
    for old, new in pairs:
        new.set_weights(old.get_weights())
    return attended


def clone(layer):
    """Makes a layer of the same configuration, unbuilt."""
    return type(layer).from_config(layer.get_config())


def mean_ap(scored):
    """Mean of both directions' mAP, in percent."""
    directions = ("visible_to_infrared", "infrared_to_visible")
    return float(np.mean([scored[d]["mean_ap"] for d in directions]))


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


def find_data():
    """The dataset that flags name, or a synthetic RegDB, drawn once."""
    people = 24 if FLAGS.smoke else 412
    root = pathlib.Path(FLAGS.data or f"data/synthetic_regdb_{people}")
    if not root.exists():
        synthesize_regdb(root, num_identities=people)
    return open_dataset(root)


def main(_):
    recipe = demo()
    if FLAGS.smoke:  # an untrained network does not survive large steps
        recipe = replace(recipe.smoke(), learning_rate=0.01)
    study = Study(find_data(), recipe)
    path = pathlib.Path(FLAGS.results)
    path.parent.mkdir(parents=True, exist_ok=True)
    name = f"{study.dataset.name}:{study.dataset.root.name}"
    for seed in map(int, FLAGS.seeds):
        for row in FLAGS.rows or ROWS:
            if (row, seed, name) in done(path):
                continue
            for line in study.run(row, seed):
                with path.open("a") as file:
                    file.write(json.dumps(line) + "\n")
                print(json.dumps(line), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(app.run(main))
