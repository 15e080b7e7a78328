"""Does the main job, or what is left of it."""

import dataclasses
import hashlib
import pathlib

import keras
import numpy as np
import tensorflow as tf

from nfs_keras import __version__
from nfs_keras.datasets import check_dataset, fingerprint, statistics
from nfs_keras.evaluation import check_protocol
from nfs_keras.models import Architecture
from nfs_keras.models.objective import num_replicas
from nfs_keras.pipeline import stages as work
from nfs_keras.pipeline.job import Job
from nfs_keras.pipeline.results import tell_results
from nfs_keras.pipeline.run_folder import RunFolder
from nfs_keras.scale.sharded_sampler import check_shares

STAGES = {
    "baseline": ("Training the baseline, without search", work.train_baseline),
    "search": ("Searching which features to keep", work.search_features),
    "retrain": ("Retraining with what was chosen", work.retrain),
    "compact": ("Cutting out what is not used", work.cut_out),
    "evaluate": ("Evaluating on the test people", work.evaluate),
    "export": ("Exporting for TF-Serving", work.export),
    "report": ("Drawing the report", work.report),
}


def run_pipeline(
    output,
    dataset,
    recipe,
    seed=0,
    search="dual",
    stages=tuple(STAGES),
    architecture=None,
):
    """Does the stages of a run that its folder does not hold yet.

    Args:
        output: The run's folder.
        dataset: A reader, such as `RegDB(root, trial=1)`. Before a run starts,
            every picture is decoded once.
        recipe: A `Recipe`.
        seed: Non-negative integer. The same seed gives the same run.
        search: `"dual"`, `"channel"` or `"spatial"`.
        stages: Names of the stages to do, some of `STAGES`, in their order.
        architecture: Path of an `architecture.json` to retrain with, for a run
            without the stage `"search"`. Defaults to `None`.

    Returns:
        The `RunFolder`.

    Raises:
        ValueError: If the folder holds a run with other options, or the
            dataset has errors, too few people or no protocol.
    """
    check_protocol(dataset)
    for num_people, _ in (recipe.batch, recipe.proxy_batch):
        check_shares(num_people, num_replicas())
    if "search" in stages:
        check_people(dataset, recipe, seed)
    if not pathlib.Path(output, "run.json").exists():
        check_pictures(dataset)
    tf.config.experimental.enable_op_determinism()
    run = open_run(output, dataset, recipe, seed, search, architecture)
    job = Job(run, dataset, recipe, seed, search, tuple(stages))
    for name in stages:
        title, do = STAGES[name]
        with run.stage(name, title) as todo:
            if todo:
                do(job)
    if (run / "metrics.json").exists():
        rows = run.read_json("metrics.json")["rows"]
        run.say(tell_results(rows, dataset.synthetic))
    return run


def check_people(dataset, recipe, seed):
    """Refuses to start a search that its halves have too few people for."""
    halves = work.SPLITS[recipe.split](dataset.train, seed=seed)
    batches = {"batch": recipe.batch, "proxy_batch": recipe.proxy_batch}
    for half, (name, (wanted, _)) in zip(halves, batches.items(), strict=True):
        found = len({sample.identity for sample in half})
        if found < wanted:
            raise ValueError(
                "The two halves of a search must fill their batches with "
                f"different people. Received: {name}[0]={wanted}, but the "
                f"half it is drawn from holds {found} people. Train on more "
                f"people, or with a `Recipe` of a smaller `{name}`."
            )


def check_pictures(dataset):
    """Refuses a dataset with errors, and shows the checker's table."""
    report = check_dataset(dataset, verbose=False)
    print(report, flush=True)
    if not report.ok:
        raise ValueError(
            "A run starts on a dataset without errors. "
            f"Received: {dataset!r}, with the errors listed above. "
            f"Mend it until `nfs-reid check {dataset.root}` finds none."
        )


def open_run(output, dataset, recipe, seed, search, architecture):
    """Opens the run's folder, new or to go on with."""
    data = {"name": dataset.name, **dataset.options}
    augmentation = recipe.augmentation
    options = {
        **dataclasses.asdict(recipe),
        "augmentation": augmentation and vars(augmentation),
        "seed": seed,
        "search": search,
        "replicas": num_replicas(),
        "architecture": architecture and digest(architecture),
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
    """Tells files of different content apart: 16 hexadecimal digits."""
    return hashlib.sha256(pathlib.Path(file).read_bytes()).hexdigest()[:16]
