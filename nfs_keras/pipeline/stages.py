"""The stages of the main job: each leaves its result in the run's folder.

A stage that was killed is run again. Training then goes on from its last
epoch; everything else starts over.
"""

import shutil

import numpy as np

from nfs_keras.callbacks import GateHistory, TemperatureAnnealing, WarmUp
from nfs_keras.datasets import split_by_identity, split_by_image
from nfs_keras.files import replace_file
from nfs_keras.models import (
    Architecture,
    SearchModel,
    compact,
    diagnose,
    discretisation_gap,
)
from nfs_keras.pipeline.scoring import (
    calibrations,
    describe_cost,
    describe_scores,
    embed_test,
    evaluate_embedded,
    fit_probability,
    image_embedder,
    load_embedded,
    mean_average_precision,
)
from nfs_keras.pipeline.training import fit, start_network, train
from nfs_keras.report import write_report, write_tensorboard
from nfs_keras.schedules import exponential
from nfs_keras.serving import export_saved_model

SPLITS = {"identity": split_by_identity, "image": split_by_image}


def train_baseline(job):
    """Trains the network without gates, with all the same losses."""
    network = start_network(job, search=None)
    train(job, "baseline", network, job.recipe.objective())
    job.save_network("baseline", network)


def search_features(job):
    """Searches on two halves of the training pictures, and derives."""
    recipe = job.recipe
    model = SearchModel(start_network(job, job.search))
    model.compile(
        recipe.search_optimizer(),
        recipe.arch_optimizer(),
        job.spread(recipe.objective()),
        job.spread(recipe.arch_objective()),
        budget=recipe.budget,
        budget_weight=recipe.budget_weight,
    )
    halves = SPLITS[recipe.split](job.dataset.train, seed=job.seed)
    callbacks = [
        WarmUp(recipe.warm_up_epochs),
        TemperatureAnnealing(exponential(*recipe.temperatures)),
        GateHistory(job.run / "gates.npz", model.network.cells),
    ]
    fit(job, "search", model, halves, callbacks, monitor="arch_loss")
    architecture = model.derive(recipe.budget)
    architecture.save(job.run / "architecture.json")
    job.run.say(architecture.summary())
    judge(job, model.network, architecture, proxy=halves[1])


def judge(job, network, architecture, proxy):
    """Tells what derivation has cost, and what looks wrong."""
    before, after = discretisation_gap(
        network, architecture, lambda n: mean_average_precision(n, proxy)
    )
    gap = {"relaxed": before, "derived": after}
    job.run.write_json("discretisation_gap.json", gap)
    job.run.say(
        f"mAP on the proxy people: {before:.1f} with the gates as trained, "
        f"{after:.1f} with the derived ones"
    )
    history = np.load(job.run / "gates.npz")
    for finding in diagnose(architecture, history, before, after):
        job.run.say(finding)


def retrain(job):
    """Trains anew with the gates frozen to `architecture.json`."""
    network = start_network(job, job.search)
    Architecture.load(job.run / "architecture.json").apply(network)
    train(job, "retrain", network, job.recipe.objective())
    job.save_network("searched", network)


def cut_out(job):
    """Cuts out of the searched network what it does not use."""
    job.save_network("compacted", compact(job.load_network("searched")))


def evaluate(job):
    """Scores the networks, and keeps what the report shows of them."""
    rows, tables = [], []
    for name in job.networks():
        network = job.load_network(name)
        embedder = image_embedder(network)
        embedded = embed_test(embedder, job.dataset)
        table = evaluate_embedded(embedded, job.dataset)
        cost = describe_cost(network, embedder.encoders["visible"])
        rows.append({"name": name, **describe_scores(table), **cost})
        tables.append(f"## {name}\n\n{table.markdown()}")
        with replace_file(job.run / "embeddings" / f"{name}.npz") as file:
            np.savez_compressed(file, **embedded)
    job.run.write_json("metrics.json", {"rows": rows})
    job.run.write_text("metrics.md", "\n".join(tables))
    thresholds = calibrations(embedded)  # of the last network, the exported
    job.run.write_json(
        "calibration.json", {k: v.to_dict() for k, v in thresholds.items()}
    )


def export(job):
    """Exports the compacted network as version 1."""
    folder = job.run / "saved_model"
    shutil.rmtree(folder, ignore_errors=True)
    export_saved_model(
        job.load_network("compacted"),
        folder,
        version=1,
        match_probability=fit_probability(load_embedded(job.run, "compacted")),
        run=job.run.path,
    )


def report(job):
    """Draws the run, for a browser and for TensorBoard."""
    shutil.rmtree(job.run / "tensorboard", ignore_errors=True)
    write_tensorboard(job.run.path)
    write_report([job.run.path], job.run / "report.html")
