"""Checks before a run starts that it can be finished.

A training takes hours: what would stop a later stage is found here instead.
"""

import dataclasses

from nfs_keras.datasets import Reader, check_dataset
from nfs_keras.datasets.reader import check_option
from nfs_keras.distribute.sharded_sampler import check_shares
from nfs_keras.evaluation import check_protocol
from nfs_keras.evaluation.search import check_search
from nfs_keras.layers.replicas import num_replicas
from nfs_keras.optional import optional_import
from nfs_keras.pipeline.training import check_folds

STAGES = (
    "baseline",
    "search",
    "retrain",
    "compact",
    "evaluate",
    "export",
    "report",
)
REPORT = ("jinja2", "matplotlib", "sklearn", "tensorboard")
NEEDED = {  # of earlier stages
    "retrain": "architecture.json",
    "compact": "searched.keras",
    "evaluate": "model.keras",
    "export": "calibration.json",
}


def check_arguments(output, dataset, search, stages=()):
    """Raises `ValueError` for arguments of another kind.

    And `ImportError` if the report could not be written in the end.
    """
    if not isinstance(dataset, Reader):
        raise ValueError(
            "A run needs its folder first, then a reader of its dataset. "
            f"Received: output={output!r}, dataset={dataset!r}. "
            "Open the dataset with `open_dataset(root)`."
        )
    check_option("search", search, ("dual", "channel", "spatial"))
    for stage in stages:
        check_option("stages", stage, STAGES)
    if "report" in stages:
        for name in REPORT:
            optional_import(name, extra="report")


def check_ready(dataset, preset, people, held_out, architecture):
    """Raises `ValueError` if people or cameras do not suffice for a run.

    Args:
        dataset: A reader.
        preset: A `Demo`, or like it.
        people: Samples to train on.
        held_out: Samples to calibrate on.
        architecture: `Architecture` to train with, or `None` to search.
    """
    check_protocol(dataset)
    check_held_out(dataset, held_out)
    for num_people, _ in (preset.batch, preset.proxy_batch):
        check_shares(num_people, num_replicas())
    if architecture is None:
        check_folds(preset, people)


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


def check_fits(architecture, preset, search):
    """Raises `ValueError` unless the gates are those of the architecture."""
    if architecture is not None:
        preset = dataclasses.replace(preset, weights=None)  # of no matter here
        architecture.apply(preset.network(2, search))


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


def check_needed(run, stage, stages):
    """Raises `ValueError` if a stage lacks the file of an earlier one."""
    name = NEEDED.get(stage)
    done = stage in run.content["stages"]
    if name and not done and not (run / name).exists():
        raise ValueError(
            "A stage follows those that make what it needs. "
            f"Received: stages={tuple(stages)}, but {str(run.path)!r} has no "
            f"{name} for {stage!r}. Run all of {STAGES}, or those that are "
            "missing before it."
        )
