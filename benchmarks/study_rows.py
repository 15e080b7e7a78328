"""Trains and scores the rows of the study."""

import functools
import time
from dataclasses import replace
from typing import NamedTuple

import keras

from benchmarks.attention import ATTENTION, with_attention
from benchmarks.study_numbers import both_directions
from nfs_keras.callbacks import TemperatureAnnealing
from nfs_keras.models import (
    SearchModel,
    TrainingModel,
    compact,
    count_flops,
    discretisation_gap,
)
from nfs_keras.models.reid_network import MODALITIES
from nfs_keras.pipeline.job import Job
from nfs_keras.pipeline.scoring import (
    describe_scores,
    embed_test,
    evaluate_embedded,
    image_embedder,
)
from nfs_keras.pipeline.stages import SPLITS
from nfs_keras.pipeline.training import make_batches, start_network
from nfs_keras.schedules import exponential

# What each row searches, on which split, with which upper objective: options
# of `Study.search`.
SEARCHES = {
    "joint": {"mode": "joint"},
    "channel": {"search": "channel"},
    "spatial": {"search": "spatial"},
    "dual": {"arch_contrast": 0.0},
    "dual_cmco_image": {"split": "image"},
    "dual_cmco_identity": {},
    "dual_cmco_identity_longer": {},
    "stages_only": {"inner": False, "budget": None},
    "stages_only_longer": {"inner": False, "budget": None},
    "random": {"shuffled": True},
    "second_order": {"unrolled": True},
}
ROWS = (
    "baseline",
    "baseline_cmco",
    "baseline_cmco_longer",
    *SEARCHES,
    *ATTENTION,
)


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
            options = SEARCHES.get(row, {})
            inner = options.get("inner", self.recipe.inner)
            network = self.start(seed, options.get("search", "dual"), inner)
            found.apply(network)
            return network
        network = self.start(seed)
        if row in ATTENTION:
            return with_attention(network, ATTENTION[row])
        return network

    @kept
    def search(
        self,
        seed,
        search="dual",
        mode="bilevel",
        unrolled=False,
        arch_contrast=1.0,
        **changes,
    ):
        """Searches; gives the architecture and what it cost.

        Args:
            seed: Int.
            search: As for `reid_network`.
            mode: As for `SearchModel`.
            unrolled: As for `SearchModel`.
            arch_contrast: Weight of CMCO for the gates.
            **changes: Of the recipe.
        """
        recipe = replace(self.recipe, **changes)
        first, start = self.warm_up(seed, recipe.split), time.monotonic()
        network = self.start(seed, search, recipe.inner)
        network.copy_features(first.network)
        model = SearchModel(network)
        objective = recipe.objective()
        upper = recipe.arch_objective(arch_contrast)
        model.compile(
            recipe.search_optimizer(),
            recipe.arch_optimizer(),
            objective,
            objective if mode == "joint" else upper,
            mode=mode,
            unrolled=unrolled,
            budget=recipe.budget,
            budget_weight=recipe.budget_weight,
        )
        # Where the warm-up has left it.
        model.optimizer.iterations.assign(recipe.warm_up_epochs * recipe.steps)
        steps = recipe.search_epochs * recipe.steps
        halves = SPLITS[recipe.split](self.dataset.train, seed=seed)
        other = self.job(1000 + 2 * seed)  # than the warm-up's batches
        model.fit(
            make_batches(other, halves, 0, steps),
            epochs=recipe.search_epochs,
            steps_per_epoch=recipe.steps,
            verbose=0,
            callbacks=[TemperatureAnnealing(exponential(*recipe.temperatures))],
        )
        found = model.derive(recipe.budget)
        seconds = first.seconds + time.monotonic() - start
        relaxed, derived = discretisation_gap(
            network,
            found,
            lambda network: both_directions(self.score(network), "mean_ap"),
        )
        return found, {
            "seconds": seconds,
            "open_fraction": round(found.open_fraction(), 4),
            "discretisation_gap_mean_ap": round(relaxed - derived, 2),
        }

    @kept
    def warm_up(self, seed, split):
        """Trains on the searching half of the people, without gates."""
        start = time.monotonic()
        recipe, network = self.recipe, self.start(seed)
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

    def job(self, seed, **changes):
        """What a stage of the main job needs to know, but for a folder."""
        recipe = replace(self.recipe, **changes)
        return Job(None, self.dataset, recipe, seed, "dual", ())

    def start(self, seed, search=None, inner=False):
        """The network of a seed before any training, whatever it searches."""
        return start_network(self.job(seed, inner=inner), search)

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
            optimizer or recipe.optimizer(epochs), recipe.objective(contrast)
        )
        steps = epochs * recipe.steps
        batches = make_batches(self.job(seed), [samples], 0, steps)
        model.fit(batches, verbose=0)

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
