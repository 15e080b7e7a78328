"""Trains the networks of a run, from where a killed start has left them."""

import functools

import keras
import tensorflow as tf

from nfs_keras.callbacks import (
    HistoryLog,
    ProgressLines,
    TrainingCheckpoint,
)
from nfs_keras.datasets import (
    IdentitySampler,
    identity_labels,
    training_dataset,
)
from nfs_keras.models import TrainingModel, reid_network
from nfs_keras.scale import synchronize_batch_norm


def start_network(job, search):
    """Makes the network that every training starts from, gates apart."""
    recipe = job.recipe
    keras.utils.set_random_seed(job.seed)
    make = functools.partial(
        reid_network,
        recipe.backbone,
        recipe.image_shape,
        len(identity_labels(job.dataset.train)),
        weights=recipe.weights,
        skip_classifier=True,
    )
    network = make(search=None)
    if search is not None:
        start = network
        network = make(
            search=search,
            inner=recipe.inner and search != "spatial",
            initial_logit=recipe.initial_logit,
            initial_temperature=recipe.temperatures[0],
            seed=job.seed,
        )
        network.copy_features(start)
    return synchronize_batch_norm(network) if job.global_batch else network


def train(job, stage, network, objective):
    """Trains a network's weights on all training pictures."""
    model = TrainingModel(network)
    optimizer = job.recipe.optimizer(job.epochs(stage))
    model.compile(optimizer, job.spread(objective))
    fit(job, stage, model, [job.dataset.train])


def fit(job, stage, model, samples, callbacks=(), monitor=None):
    """Fits a model, or what is left of its epochs.

    Args:
        job: A `Job`.
        stage: Name of what is trained.
        model: A compiled `TrainingModel` or `SearchModel`.
        samples: List of lists of samples; a step takes a batch of each.
        callbacks: Callbacks that come before those that write.
        monitor: As for `TrainingCheckpoint`.
    """
    run, steps, epochs = job.run, job.recipe.steps, job.epochs(stage)
    checkpoint = TrainingCheckpoint(run / "checkpoints" / stage, monitor)
    first = checkpoint.restore(model)
    if first == epochs:
        return
    model.fit(
        make_batches(job, samples, first * steps, (epochs - first) * steps),
        initial_epoch=first,
        epochs=epochs,
        steps_per_epoch=steps,
        verbose=0,
        callbacks=[
            *callbacks,
            HistoryLog(run / "history.csv", stage),
            ProgressLines(run.say, stage, job.epochs_after(stage)),
            checkpoint,  # last: what it saves, the others have written
        ],
    )


def make_batches(job, samples, first_step, num_steps):
    """Makes the batches of some steps: of one list of samples, or pairs.

    Of two lists, the second is the proxy set.
    """
    recipe = job.recipe
    labels = identity_labels(job.dataset.train)
    datasets = [
        training_dataset(
            part,
            IdentitySampler(part, *batch, seed=job.seed + i),
            recipe.image_shape,
            recipe.augmentation,
            seed=job.seed + i,
            first_step=first_step,
            num_steps=num_steps,
            labels=labels,
        )
        for i, (part, batch) in enumerate(
            zip(samples, (recipe.batch, recipe.proxy_batch), strict=False)
        )
    ]
    return datasets[0] if len(datasets) == 1 else tf.data.Dataset.zip(*datasets)
