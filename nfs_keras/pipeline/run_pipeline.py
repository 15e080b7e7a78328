"""The pipeline: from a dataset to a searched, scored and exported network."""

import contextlib
import dataclasses
import hashlib
import pathlib
import shutil

import keras
import numpy as np
import tensorflow as tf

from nfs_keras import __version__
from nfs_keras.datasets import (
    check_dataset,
    fingerprint,
    statistics,
    trained_people,
)
from nfs_keras.evaluation import check_protocol
from nfs_keras.evaluation.search import check_search
from nfs_keras.layers.replicas import num_replicas
from nfs_keras.models import Architecture, compact
from nfs_keras.pipeline.scoring import (
    calibrate_network,
    read_probability,
    score_networks,
)
from nfs_keras.pipeline.training import (
    check_folds,
    search_features,
    start_network,
    train_weights,
)
from nfs_keras.report import write_report, write_tensorboard
from nfs_keras.report.comparison import format_results
from nfs_keras.run_folder import RunFolder
from nfs_keras.scale.sharded_sampler import check_shares
from nfs_keras.serving import export_saved_model

HELD_OUT = 0.05  # of the training identities, to calibrate on
STAGES = (
    "baseline",
    "search",
    "retrain",
    "compact",
    "evaluate",
    "export",
    "report",
)


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
        ValueError: If the folder holds a run with other options, or the
            dataset has errors, too few people or no valid query.
    """
    people, held_out = dataset.hold_out(HELD_OUT, seed)
    check_ready(dataset, preset, people, held_out, search, architecture)
    if not pathlib.Path(output, "run.json").exists():
        check_images(dataset)
    given = (dataset, preset, seed, search, architecture, retrain)
    with open_run(output, *given) as run:

        def stage(name, title):
            done = name not in stages
            return contextlib.nullcontext() if done else run.stage(name, title)

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
                    chosen = Architecture.load(run / "architecture.json")
                    chosen.apply(network)
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


def check_ready(dataset, preset, people, held_out, search, architecture):
    """Raises `ValueError` if a run could not be finished."""
    if search not in ("dual", "channel", "spatial"):
        raise ValueError(
            "`search` must be 'dual', 'channel' or 'spatial'. "
            f"Received: search={search!r}. "
            "Pass 'dual' to search channels and pixels."
        )
    check_protocol(dataset)
    check_held_out(dataset, held_out)
    for num_people, _ in (preset.batch, preset.proxy_batch):
        check_shares(num_people, num_replicas())
    if architecture is None:
        check_folds(preset, people)
    else:
        Architecture.load(architecture)


def check_held_out(dataset, held_out):
    """Raises `ValueError` if no threshold can be found with these people."""
    try:
        for search in dataset.both_directions(held_out):
            check_search(search, (1,))
    except ValueError as error:
        people = sorted({sample.identity for sample in held_out})
        raise ValueError(
            "The people held out of training to calibrate on need pairs that "
            f"the protocol allows. Received: {dataset!r}, identities {people}: "
            f"{error} Correct the cameras of the training images, or choose "
            "other people with another seed."
        ) from error


def check_images(dataset):
    """Prints the report of `check_dataset`, and raises if it has errors."""
    report = check_dataset(dataset, verbose=False)
    print(report, flush=True)
    if not report.ok:
        raise ValueError(
            "A run requires a dataset without errors. "
            f"Received: {dataset!r}, with the errors listed above. "
            f"Correct it until `nfs-reid check {dataset.root}` finds none."
        )


def open_run(output, dataset, preset, seed, search, architecture, retrain):
    """Opens the run's folder, new or to resume."""
    data = {"name": dataset.name, **dataset.options}
    options = {
        "preset": type(preset).__name__,
        **{k: str(v) for k, v in dataclasses.asdict(preset).items()},
        "seed": seed,
        "search": search,
        "replicas": num_replicas(),
        "architecture": architecture and digest(architecture),
        "retrain": retrain,
        "dataset": data,
        "fingerprint": fingerprint(dataset),
    }
    run = RunFolder(
        output,
        options,
        seed=seed,
        dataset={
            **data,
            "root": str(dataset.root),
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
    if architecture is not None:
        Architecture.load(architecture).save(run / "architecture.json")
    return run


def digest(file):
    """Hashes the content of a file: 16 hexadecimal digits."""
    return hashlib.sha256(pathlib.Path(file).read_bytes()).hexdigest()[:16]
