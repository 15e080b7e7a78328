"""Trains and scores the rows of the study."""

import functools
import time
from dataclasses import replace
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from benchmarks.attention import ATTENTION, with_attention
from nfs_keras.callbacks import TemperatureAnnealing
from nfs_keras.datasets import (
    IdentitySampler,
    identity_labels,
    split_by_identity,
    split_by_image,
    training_dataset,
)
from nfs_keras.models import (
    Objective,
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
from nfs_keras.schedules import exponential

# What each row searches, on which split, with which upper objective.
SEARCHES = {
    "joint": {"mode": "joint"},
    "channel": {"search": "channel"},
    "spatial": {"search": "spatial"},
    "dual": {"arch_contrast": 0.0},
    "dual_cmco_image": {"split": "image"},
    "dual_cmco_identity": {},
    "dual_cmco_identity_longer": {},
    "dual_tight": {"budget": 0.35},
    "random": {"shuffled": True},
    "second_order": {"unrolled": True},
}
MODALITIES = ("visible", "infrared")
ROWS = (
    "baseline",
    "baseline_cmco",
    "baseline_cmco_longer",
    *SEARCHES,
    *ATTENTION,
)


SPLITS = {"identity": split_by_identity, "image": split_by_image}


class WarmedUp(NamedTuple):
    """Weights to search with, and what they took."""

    network: keras.Model
    seconds: float


def kept(method):
    """Does a `Study`'s work once for the same arguments."""

    @functools.wraps(method)
    def wrapped(self, *args, **kwargs):
        key = (method.__name__, args, tuple(sorted(kwargs.items())))
        if key not in self.kept:
            self.kept[key] = method(self, *args, **kwargs)
        return self.kept[key]

    return wrapped


class Study:
    """Runs rows of the study on one dataset with one recipe.

    Args:
        dataset: A reader, such as `RegDB(root)`.
        recipe: A `Recipe`.
        source: Another `Study`, for the row `"transferred"`.
    """

    def __init__(self, dataset, recipe, source=None):
        self.dataset = dataset
        self.recipe = recipe
        self.source = source
        self.labels = identity_labels(dataset.train)
        self.name = f"{dataset.name}:{dataset.root.name}"
        self.kept = {}  # what rows of one seed have in common

    def run(self, row, seed):
        """Trains and scores one row; yields its line, and the compacted one."""
        found, extra = self.choose(row, seed)
        network = self.prepare(row, seed, found)
        recipe = self.recipe
        contrast = 0.0 if row == "baseline" else recipe.contrast
        epochs = recipe.epochs
        if row.endswith("_longer"):  # as long as search and retraining
            epochs += recipe.warm_up_epochs + recipe.search_epochs
        start = time.monotonic()
        self.train(network, seed, contrast, epochs=epochs)
        seconds = extra.get("seconds", 0.0) + time.monotonic() - start
        extra = {**extra, "seconds": round(seconds, 1)}
        yield self.line(row, seed, network, extra)
        if found:
            name, smaller = f"{row}_compact", compact(network)
            yield self.line(name, seed, smaller, extra, flops_each(network))

    def choose(self, row, seed):
        """The architecture that a row trains, if any, and what it cost."""
        if row not in SEARCHES and row != "transferred":
            return None, {}
        if row == "transferred":
            found, extra = self.source.search(seed)
            return found, {**extra, "source": self.source.name}
        options = dict(SEARCHES[row])
        if options.pop("shuffled", False):
            found, extra = self.search(seed, **options)
            return found.random(seed), {"seconds": extra["seconds"]}
        return self.search(seed, **options)

    def prepare(self, row, seed, found):
        """The network that a row trains, with weights to start from."""
        if found:
            level = SEARCHES.get(row, {}).get("search", "dual")
            network = self.start(seed, level)
            found.apply(network)
            return network
        network = self.start(seed, search=None)
        if row in ATTENTION:
            return with_attention(network, ATTENTION[row])
        return network

    @kept
    def search(
        self,
        seed,
        search="dual",
        split=None,
        mode="bilevel",
        unrolled=False,
        arch_contrast=1.0,
        budget=None,
    ):
        """Searches; gives the architecture and what it cost."""
        recipe = replace(self.recipe, split=split or self.recipe.split)
        first, start = self.warm_up(seed, recipe.split), time.monotonic()
        network = self.start(seed, search)
        network.copy_features(first.network)
        model = SearchModel(network)
        objective = Objective(contrast=recipe.contrast)
        known = float(recipe.split == "image")
        upper = Objective(known, triplet=1.0, contrast=arch_contrast)
        model.compile(
            recipe.search_optimizer(),
            recipe.arch_optimizer(),
            objective,
            objective if mode == "joint" else upper,
            mode=mode,
            unrolled=unrolled,
            budget=budget or recipe.budget,
            budget_weight=3.0,
        )
        # Where the warm-up has left it.
        model.optimizer.iterations.assign(recipe.warm_up_epochs * recipe.steps)
        steps = recipe.search_epochs * recipe.steps
        halves = SPLITS[recipe.split](self.dataset.train, seed=seed)
        batches = [
            self.batches(half, 1000 + 2 * seed + i, steps)
            for i, half in enumerate(halves)
        ]
        model.fit(
            tf.data.Dataset.zip(*batches),
            epochs=recipe.search_epochs,
            steps_per_epoch=recipe.steps,
            verbose=0,
            callbacks=[TemperatureAnnealing(exponential(*recipe.temperatures))],
        )
        found = model.derive(budget or recipe.budget)
        seconds = first.seconds + time.monotonic() - start
        relaxed = mean_ap(self.score(network))
        found.apply(network)
        gap = relaxed - mean_ap(self.score(network))
        return found, {
            "seconds": seconds,
            "open_fraction": round(found.open_fraction(), 4),
            "discretisation_gap_mean_ap": round(gap, 2),
        }

    @kept
    def warm_up(self, seed, split):
        """Trains on the searching half of the people, without gates."""
        start = time.monotonic()
        recipe, network = self.recipe, self.start(seed, search=None)
        half, _ = SPLITS[split](self.dataset.train, seed=seed)
        self.train(
            network,
            seed,
            recipe.contrast,
            half,
            recipe.warm_up_epochs,
            recipe.search_optimizer(),
        )
        return WarmedUp(network, time.monotonic() - start)

    def start(self, seed, search):
        """The network of a seed before any training, whatever it searches."""
        keras.utils.set_random_seed(seed)
        recipe = self.recipe
        make = functools.partial(
            reid_network,
            recipe.backbone,
            recipe.image_shape,
            len(self.labels),
            weights=recipe.weights,
            skip_classifier=True,
        )
        plain = make(search=None)
        if search is None:
            return plain
        network = make(
            search=search,
            initial_logit=recipe.initial_logit,
            initial_temperature=recipe.temperatures[0],
            seed=seed,
        )
        network.copy_features(plain)
        return network

    def train(
        self,
        network,
        seed,
        contrast,
        samples=None,
        epochs=None,
        optimizer=None,
    ):
        """Trains the weights, by default as the recipe says."""
        recipe = self.recipe
        epochs = epochs or recipe.epochs
        samples = samples or self.dataset.train
        model = TrainingModel(network)
        model.compile(
            optimizer or recipe.optimizer(epochs), Objective(contrast=contrast)
        )
        batches = self.batches(samples, seed, epochs * recipe.steps)
        model.fit(batches, verbose=0)

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

    def line(self, row, seed, network, extra, flops=None):
        """The line of one run in `study.jsonl`."""
        scored = self.score(network)
        figures = ("rank1", "mean_ap", "mean_inp")
        return {
            "row": row,
            "seed": seed,
            "dataset": self.name,
            **{
                direction: {f: round(scores[f], 3) for f in figures}
                for direction, scores in scored.items()
            },
            "flops": flops or count_flops(network.encoder("visible")),
            **extra,
        }


def flops_each(network):
    """What a picture costs where each modality has only its own channels."""
    costs = [
        count_flops(compact(network, name).encoder(name)) for name in MODALITIES
    ]
    return round(sum(costs) / len(costs))


def mean_ap(scored):
    """Mean of the directions' mAP, in percent; SYSU-MM01 has but one."""
    return float(np.mean([scores["mean_ap"] for scores in scored.values()]))
