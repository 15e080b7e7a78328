"""The pipeline: from a dataset to a searched, scored and exported network."""

import contextlib
import dataclasses
import hashlib
import os
import pathlib
import shutil

import keras
import numpy as np
import tensorflow as tf

from nfs_keras import __version__
from nfs_keras.datasets import fingerprint, statistics, trained_people
from nfs_keras.layers.replicas import num_replicas
from nfs_keras.models import Architecture, compact
from nfs_keras.pipeline.check_run import (
    STAGES,
    check_arguments,
    check_fits,
    check_images,
    check_needed,
    check_ready,
)
from nfs_keras.pipeline.scoring import (
    calibrate_network,
    read_probability,
    score_networks,
)
from nfs_keras.pipeline.training import (
    search_features,
    start_network,
    train_weights,
)
from nfs_keras.report import write_report, write_tensorboard
from nfs_keras.report.comparison import format_results
from nfs_keras.run_folder import RunFolder
from nfs_keras.serving import export_saved_model

HELD_OUT = 0.05  # of the training identities, to calibrate on


def run_pipeline(
    output,
    dataset,
    preset,
    seed=0,
    search="dual",
    architecture=None,
    retrain=False,
    stages=STAGES,
):
    """Searches, compacts, scores and exports a network on a dataset.

    Every stage writes its result into the run's folder. A finished stage is
    skipped, and an interrupted training resumes at its last epoch.

    Args:
        output: The run's folder, new or to resume.
        dataset: A reader, such as `RegDB(root, trial=1)` or your own. Before
            a run starts, every image is decoded once.
        preset: A `Demo`, a `Paper`, or a subclass of your own.
        seed: Non-negative integer. The same seed gives the same run.
        search: `"dual"`, `"channel"` or `"spatial"`.
        architecture: Path of an `architecture.json` to train with from the
            start, instead of a search and a baseline. Defaults to `None`.
        retrain: Whether to train the searched network once more from the
            start with its final masks, which costs as much again.
        stages: Names of the stages to run, some of `STAGES`.

    Returns:
        The `RunFolder`.

    Raises:
        ValueError: If the folder holds a run with other options, the dataset
            has errors, too few people or no valid query, the architecture
            does not fit, or a stage lacks what earlier ones make.
    """
    check_arguments(output, dataset, search, stages)
    people, held_out = dataset.hold_out(HELD_OUT, seed)
    chosen = architecture and Architecture.load(architecture)
    check_ready(dataset, preset, people, held_out, chosen)
    if not pathlib.Path(output, "run.json").exists():
        check_fits(chosen, preset, search)
        check_images(dataset)
    given = (dataset, preset, seed, search, architecture, retrain)
    with open_run(output, *given) as run:
        if chosen:
            chosen.save(run / "architecture.json")

        def stage(name, title):
            if name not in stages:
                return contextlib.nullcontext()
            check_needed(run, name, stages)
            return run.stage(name, title)

        def keep(name, network):
            network.facts = {
                "dataset": {"name": dataset.name, **dataset.options},
                "people": sorted(trained_people(dataset)),
            }
            run.save_network(name, network)

        if architecture is None:
            with stage("baseline", "Training the baseline, no search") as todo:
                if todo:
                    network = start_network(preset, people, None, seed)
                    epochs = preset.baseline_epochs()
                    train_weights(
                        run, "baseline", preset, people, network, seed, epochs
                    )
                    keep("baseline", network)
            with stage("search", "Training and searching in one run") as todo:
                if todo:
                    network = search_features(run, preset, people, search, seed)
                    keep("searched", network)
        if architecture is not None or retrain:
            with stage("retrain", "Training with the chosen features") as todo:
                if todo:
                    network = start_network(preset, people, search, seed)
                    found = Architecture.load(run / "architecture.json")
                    found.apply(network)
                    train_weights(
                        run,
                        "retrain",
                        preset,
                        people,
                        network,
                        seed,
                        preset.epochs,
                    )
                    keep("searched", network)
        with stage("compact", "Removing unused channels") as todo:
            if todo:
                keep("compacted", compact(run.load_network("searched")))
        with stage("evaluate", "Scoring on the test people") as todo:
            if todo:
                embedders = score_networks(run, dataset)
                compacted = embedders["compacted"]
                calibrate_network(run, compacted, dataset, held_out)
        with stage("export", "Exporting for TF-Serving") as todo:
            if todo:
                shutil.rmtree(run / "saved_model", ignore_errors=True)
                export_saved_model(
                    run.load_network("compacted"),
                    run / "saved_model",
                    version=1,
                    match_probability=read_probability(run),
                    run=run.path,
                )
        with stage("report", "Writing the report") as todo:
            if todo:
                shutil.rmtree(run / "tensorboard", ignore_errors=True)
                write_tensorboard(run.path)
                write_report([run.path], run / "report.html")
        if (run / "metrics.json").exists():
            rows = run.read_json("metrics.json")["rows"]
            run.print(format_results(rows, dataset.synthetic))
    return run


def open_run(output, dataset, preset, seed, search, architecture, retrain):
    """Opens the run's folder, new or to resume."""
    data = {"name": dataset.name, **dataset.options}
    options = {
        **describe_preset(preset),
        "seed": seed,
        "search": search,
        "replicas": num_replicas(),
        "architecture": architecture
        and digest(pathlib.Path(architecture).read_bytes()),
        "retrain": retrain,
        "dataset": data,
        "fingerprint": fingerprint(dataset),
    }
    return RunFolder(
        output,
        options,
        seed=seed,
        dataset={
            **data,
            "root": os.path.abspath(dataset.root),
            "synthetic": dataset.synthetic,
            "fingerprint": options["fingerprint"],
            "statistics": statistics(dataset),
        },
        protocol=dataclasses.asdict(dataset.protocol),
        versions={
            "nfs_keras": __version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "numpy": np.__version__,
        },
    )


def describe_preset(preset):
    """Converts a preset to JSON values that are equal in every process."""
    values = {k: str(v) for k, v in dataclasses.asdict(preset).items()}
    if not isinstance(preset.backbone, str):
        # Functions have no lasting name, and layers are numbered anew.
        network = dataclasses.replace(preset, weights=None).network(2)
        models = (*network.stems.values(), network.trunk)
        layers = [
            (type(layer).__name__, [tuple(v.shape) for v in layer.weights])
            for model in models
            for layer in model.layers
        ]
        values["backbone"] = digest(repr(layers).encode())
    return {"preset": type(preset).__name__, **values}


def digest(content):
    """Hashes bytes to 16 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()[:16]
