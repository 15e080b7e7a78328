"""The main job: search, derive, retrain, compact, evaluate, export, report.

`run_pipeline` reads from top to bottom as what is done. Each stage leaves its
result in the run's folder and is skipped when it is there already; training
goes on from its last epoch, exactly.
"""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from nfs_keras import __version__
from nfs_keras.callbacks import (
    GateHistory,
    HistoryLog,
    ProgressLines,
    TemperatureAnnealing,
    TrainingCheckpoint,
    WarmUp,
)
from nfs_keras.datasets import (
    IdentitySampler,
    fingerprint,
    identity_labels,
    split_by_identity,
    split_by_image,
    statistics,
    training_dataset,
)
from nfs_keras.files import replace_file
from nfs_keras.models import (
    Architecture,
    Objective,
    SearchModel,
    TrainingModel,
    compact,
    reid_network,
)
from nfs_keras.report import write_report, write_tensorboard
from nfs_keras.run_folder import RunFolder
from nfs_keras.schedules import exponential
from nfs_keras.scoring import calibrations, embed_test, score
from nfs_keras.serving import export_saved_model

NAMES = {"baseline": "baseline", "searched": "searched", "compacted": "model"}


def run_pipeline(output, dataset, recipe, seed=0, search="dual"):
    """Runs the whole job on a dataset, or what is left of it.

    Args:
        output: The run's folder.
        dataset: A reader, such as `RegDB(root, trial=1)`.
        recipe: A `Recipe`.
        seed: Non-negative integer. The same seed gives the same run.
        search: `"dual"`, `"channel"` or `"spatial"`.

    Returns:
        The `RunFolder`, with everything in it.

    Raises:
        ValueError: If the folder holds a run with other options.
    """
    run = open_run(output, dataset, recipe, seed, search)
    tf.config.experimental.enable_op_determinism()
    job = (run, dataset, recipe, seed)

    with run.stage("baseline", "Training the baseline, without search") as todo:
        if todo:
            network = start_network(dataset, recipe, seed, search=None)
            train("baseline", network, Objective(), *job)
            save_network(run, "baseline", network)

    with run.stage("search", "Searching which features to keep") as todo:
        if todo:
            network = start_network(dataset, recipe, seed, search)
            architecture = find_architecture(network, *job)
            architecture.save(run / "architecture.json")
            run.say(architecture.summary())

    with run.stage("retrain", "Retraining with what was chosen") as todo:
        if todo:
            network = start_network(dataset, recipe, seed, search)
            Architecture.load(run / "architecture.json").apply(network)
            objective = Objective(contrast=recipe.contrast)
            train("retrain", network, objective, *job)
            save_network(run, "searched", network)

    with run.stage("compact", "Cutting out what is not used") as todo:
        if todo:
            save_network(run, "model", compact(load_network(run, "searched")))

    with run.stage("evaluate", "Evaluating on the test people") as todo:
        if todo:
            evaluate(run, dataset)

    with run.stage("export", "Exporting for TF-Serving") as todo:
        if todo:
            export(run)

    with run.stage("report", "Writing the report") as todo:
        if todo:
            write_tensorboard(run.path)
            write_report([run.path], run / "report.html")
    return run


def open_run(output, dataset, recipe, seed, search):
    """Opens the run's folder, new or to go on with."""
    augmentation = recipe.augmentation
    options = {
        **dataclasses.asdict(recipe),
        "augmentation": vars(augmentation) if augmentation else None,
        "seed": seed,
        "search": search,
        "dataset": {"name": dataset.name, **dataset.options},
        "fingerprint": fingerprint(dataset),
    }
    facts = {
        "seed": seed,
        "dataset": {
            "name": dataset.name,
            "root": str(dataset.root),
            **dataset.options,
            "fingerprint": options["fingerprint"],
            "statistics": statistics(dataset),
        },
        "versions": {
            "nfs_keras": __version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "numpy": np.__version__,
        },
    }
    return RunFolder(output, options, **facts)


def start_network(dataset, recipe, seed, search):
    """Makes the network that every training starts from, gates apart."""
    keras.utils.set_random_seed(seed)
    network = reid_network(
        recipe.backbone,
        recipe.image_shape,
        len(identity_labels(dataset.train)),
        search=None,
    )
    if search is None:
        return network
    searching = reid_network(
        recipe.backbone,
        recipe.image_shape,
        network.head.num_identities,
        search=search,
        initial_logit=recipe.initial_logit,
        initial_temperature=recipe.temperatures[0],
        seed=seed,
    )
    searching.copy_features(network)
    return searching


def train(stage, network, objective, run, dataset, recipe, seed):
    """Trains a network's weights on all training pictures."""
    model = TrainingModel(network)
    model.compile(recipe.optimizer(recipe.epochs), objective)
    labels = identity_labels(dataset.train)

    def batches(step, num_steps):
        return make_batches(
            dataset.train, labels, recipe, seed, step, num_steps
        )

    fit(run, stage, model, batches, recipe.epochs, recipe.steps)


def find_architecture(network, run, dataset, recipe, seed):
    """Searches on two halves of the training pictures."""
    epochs = recipe.warm_up_epochs + recipe.search_epochs
    model = SearchModel(network)
    model.compile(
        recipe.optimizer(epochs),
        recipe.arch_optimizer(),
        Objective(contrast=recipe.contrast),
        recipe.arch_objective(),
        budget=recipe.budget,
    )
    split = {"identity": split_by_identity, "image": split_by_image}
    halves = split[recipe.split](dataset.train, seed=seed)
    labels = identity_labels(dataset.train)

    def batches(step, num_steps):
        return tf.data.Dataset.zip(
            *(
                make_batches(half, labels, recipe, seed + i, step, num_steps)
                for i, half in enumerate(halves)
            )
        )

    callbacks = [
        WarmUp(recipe.warm_up_epochs),
        TemperatureAnnealing(exponential(*recipe.temperatures)),
        GateHistory(run / "gates.npz", network.cells),
    ]
    fit(run, "search", model, batches, epochs, recipe.steps, callbacks)
    return model.derive(recipe.budget)


def make_batches(samples, labels, recipe, seed, first_step, num_steps):
    """Makes the batches of some steps of a training."""
    sampler = IdentitySampler(samples, *recipe.batch, seed=seed)
    return training_dataset(
        samples,
        sampler,
        recipe.image_shape,
        recipe.augmentation,
        seed=seed,
        first_step=first_step,
        num_steps=num_steps,
        labels=labels,
    )


def fit(run, stage, model, batches, epochs, steps, callbacks=()):
    """Fits a model, from where an interrupted start has left it."""
    checkpoint = TrainingCheckpoint(run / "checkpoints" / stage)
    first = checkpoint.restore(model)
    if first == epochs:
        return
    model.fit(
        batches(first * steps, (epochs - first) * steps),
        initial_epoch=first,
        epochs=epochs,
        steps_per_epoch=steps,
        verbose=0,
        callbacks=[
            *callbacks,
            HistoryLog(run / "history.csv", stage),
            ProgressLines(run.say, stage),
            checkpoint,  # last: what it saves, the others have written
        ],
    )


def save_network(run, name, network):
    """Saves a network as `<name>.keras`, whole or not at all."""
    partial = run / f".{name}.partial.keras"
    network.save(partial)
    partial.replace(run / f"{name}.keras")


def load_network(run, name):
    """Loads what `save_network` saved."""
    return keras.models.load_model(run / f"{name}.keras")


def evaluate(run, dataset):
    """Scores the three networks, and keeps what the report shows of them."""
    rows, tables = [], []
    for name, file in NAMES.items():
        network = load_network(run, file)
        embedded = embed_test(network, dataset)
        row, table = score(name, network, dataset, embedded)
        rows.append(row)
        tables.append(f"## {name}\n\n{table.markdown()}\n")
        run.say(f"{name}: {table}")
        with replace_file(run / "embeddings" / f"{name}.npz") as file:
            np.savez_compressed(file, **embedded)
    run.write_json("metrics.json", {"rows": rows})
    with replace_file(run / "metrics.md", "w") as file:
        file.write("\n".join(tables))
    found = calibrations(embedded)
    run.write_json(
        "calibration.json", {k: v.to_dict() for k, v in found.items()}
    )


def export(run):
    """Exports the compacted network as version 1, unless it is there."""
    if not (run / "saved_model" / "1").exists():
        export_saved_model(
            load_network(run, "model"), run / "saved_model", 1, run=run.path
        )
