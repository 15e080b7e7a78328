"""Trains the networks of a run, and resumes them after an interruption."""

import numpy as np
import tensorflow as tf

from nfs_keras.callbacks import (
    ChanceWarning,
    GateHistory,
    HistoryLog,
    ProgressLines,
    TemperatureAnnealing,
    TrainingCheckpoint,
)
from nfs_keras.datasets import (
    IdentitySampler,
    identity_labels,
    training_dataset,
)
from nfs_keras.distribute import GlobalBatchObjective, synchronize_batch_norm
from nfs_keras.layers.replicas import num_replicas
from nfs_keras.models import (
    SearchModel,
    TrainingModel,
    diagnose,
    named_gates,
)


def start_network(preset, samples, search, seed):
    """Makes the network that a training starts from, for its replicas."""
    people = len(identity_labels(samples))
    network = preset.network(people, search, seed)
    return synchronize_batch_norm(network) if num_replicas() > 1 else network


def search_features(run, preset, samples, search, seed):
    """Trains a network once, and searches its features during the training.

    First the gates are open, then gates and weights train in turn, then the
    gates are frozen to the found architecture: one optimizer and one schedule
    from beginning to end. In each epoch of the search another fold of the
    identities is the proxy, so that the weights train on all people and the
    gates are compared on people whom the weights did not train on in that
    epoch.

    Args:
        run: `RunFolder`. Receives `architecture.json` and `gates.npz`.
        preset: A `Demo`, or like it.
        samples: Samples to train on.
        search: `"dual"`, `"channel"` or `"spatial"`.
        seed: Non-negative integer.

    Returns:
        The trained network, its gates frozen.
    """
    network = start_network(preset, samples, search, seed)
    steps = preset.steps_per_epoch(samples)
    model = SearchModel(network)
    model.compile(
        preset.optimizer(network, preset.epochs * steps),
        preset.arch_optimizer(),
        loss=of_all_replicas(preset.loss()),
        arch_loss=of_all_replicas(preset.arch_loss()),
        mode=preset.mode,
        budget=preset.budget if search != "spatial" else None,
    )

    def keep(architecture):
        architecture.save(run / "architecture.json")
        run.print(architecture.summary())
        for finding in diagnose(architecture, dict(np.load(run / "gates.npz"))):
            run.print(finding)

    callbacks = [
        preset.phases(on_freeze=keep),
        TemperatureAnnealing(preset.temperature()),
        GateHistory(run / "gates.npz", named_gates(network)),
    ]

    def batches(first, last):
        return search_batches(preset, samples, seed, steps, first, last)

    fit(run, "search", model, batches, preset.epochs, steps, callbacks)
    return network


def train_weights(run, stage, preset, samples, network, seed, epochs):
    """Trains a network's weights on all samples, without changing its gates.

    Args:
        run: `RunFolder`.
        stage: Name of the stage.
        preset: A `Demo`, or like it.
        samples: Samples to train on.
        network: A `ReIDNetwork`.
        seed: Non-negative integer.
        epochs: Positive integer.
    """
    steps = preset.steps_per_epoch(samples)
    model = TrainingModel(network)
    model.compile(
        preset.optimizer(network, epochs * steps),
        loss=of_all_replicas(preset.loss()),
    )

    def batches(first, last):
        sampler = IdentitySampler(samples, *preset.batch, seed=seed)
        return make_batches(
            preset, samples, sampler, seed, first * steps, last * steps
        )

    fit(run, stage, model, batches, epochs, steps)


def fit(run, stage, model, batches, epochs, steps, callbacks=()):
    """Trains a model for all epochs, or for the rest after an interruption.

    Args:
        run: `RunFolder`.
        stage: Name of the stage.
        model: A compiled `TrainingModel` or `SearchModel`.
        batches: Function of a first and a last epoch that makes their data.
        epochs: Positive integer.
        steps: Positive integer. Steps in an epoch.
        callbacks: Callbacks to call before those that write files.
    """
    checkpoint = TrainingCheckpoint(run / "checkpoints" / stage)
    first = checkpoint.restore(model)
    if first == epochs:
        return
    model.fit(
        batches(first, epochs),
        initial_epoch=first,
        epochs=epochs,
        steps_per_epoch=steps,
        verbose=0,
        callbacks=[
            *callbacks,
            HistoryLog(run / "history.csv", stage),
            ProgressLines(run.print, stage),
            ChanceWarning(run.print, model.model.num_identities),
            checkpoint,  # last: the others have written this epoch's files
        ],
    )


def of_all_replicas(objective):
    """Computes an objective on the batch of all replicas, as on one device."""
    several = num_replicas() > 1
    return GlobalBatchObjective(objective) if several else objective


def make_batches(preset, samples, sampler, seed, first_step, last_step):
    """Makes the batches of some steps, each a function of its step alone."""
    return training_dataset(
        samples,
        sampler,
        preset.image_shape,
        preset.augmentation(),
        seed=seed,
        first_step=first_step,
        num_steps=last_step - first_step,
        labels=identity_labels(samples),
    )


def search_batches(preset, samples, seed, steps, first, last):
    """Makes the pairs of training and proxy batches of some epochs.

    Outside of the search the proxy batch is not used; it is blank and costs no
    time.

    Args:
        preset: A `Demo`, or like it.
        samples: Samples to train on.
        seed: Non-negative integer.
        steps: Steps in an epoch.
        first: First epoch to make.
        last: First epoch not to make.
    """
    start, freeze = preset.search_epochs()
    epochs = range(start, freeze)
    rotate = (samples, num_folds(preset, samples), steps, epochs)
    train = make_batches(
        preset,
        samples,
        RotatingSampler(*rotate, preset.batch, seed, proxy=False),
        seed,
        first * steps,
        last * steps,
    )
    start, freeze = (min(max(x, first), last) for x in (start, freeze))
    proxies = [blank_batches(preset, (start - first) * steps)]
    if start < freeze:
        sampler = RotatingSampler(
            *rotate, preset.proxy_batch, seed + 1, proxy=True
        )
        bounds = start * steps, freeze * steps
        proxies.append(
            make_batches(preset, samples, sampler, seed + 1, *bounds)
        )
    proxies.append(blank_batches(preset, (last - freeze) * steps))
    proxy, *others = proxies
    for part in others:
        proxy = proxy.concatenate(part)
    return tf.data.Dataset.zip(train, proxy)


def blank_batches(preset, num_steps):
    """Makes proxy batches of zeros, for the epochs without a search."""
    size = preset.proxy_batch[0] * preset.proxy_batch[1]
    images = tf.zeros((size, *preset.image_shape))
    labels = tf.zeros((size,), "int32")
    both = [dict.fromkeys(("visible", "infrared"), x) for x in (images, labels)]
    return tf.data.Dataset.from_tensors(tuple(both)).repeat(num_steps)


class RotatingSampler:
    """Samples batches from the folds of a search, which take turns as proxy.

    In each epoch of the search another fold of the identities is the proxy,
    and the others train; outside of the search all identities train.

    Args:
        samples: Samples of all folds.
        folds: Number of parts of the identities.
        steps: Steps in an epoch.
        epochs: Range of the epochs of the search.
        batch: People in a batch, and images of each per modality.
        seed: Non-negative integer.
        proxy: Whether to sample the proxy's batches, or the training's.
    """

    def __init__(self, samples, folds, steps, epochs, batch, seed, proxy):
        self.steps = steps
        self.epochs = epochs
        self.images_per_modality = batch[1]
        self.everybody = IdentitySampler(samples, *batch, seed=seed)
        self.num_batches_per_epoch = steps
        self.parts = [
            (rows, IdentitySampler([samples[i] for i in rows], *batch, seed))
            for rows in divide(samples, folds, proxy)
        ]

    def batch(self, step):
        """As `IdentitySampler.batch`."""
        epoch = step // self.steps
        if epoch not in self.epochs:
            return self.everybody.batch(step)
        rows, sampler = self.parts[epoch % len(self.parts)]
        return tuple(rows[part] for part in sampler.batch(step))


def divide(samples, folds, proxy):
    """Lists the indices of the samples of each fold, or of all other folds."""
    identities = sorted({sample.identity for sample in samples})
    parts = []
    for i in range(folds):
        fold = set(identities[i::folds])
        rows = [
            j for j, s in enumerate(samples) if (s.identity in fold) == proxy
        ]
        parts.append(np.array(rows, "int32"))
    return parts


def num_folds(preset, samples):
    """Int. The preset's folds, or fewer if the people are too few for them."""
    people = len({sample.identity for sample in samples})
    return max(2, min(preset.folds, people // preset.proxy_batch[0]))


def check_folds(preset, samples):
    """Raises `ValueError` if a search has too few people for its batches."""
    for proxy, name in ((False, "batch"), (True, "proxy_batch")):
        wanted, _ = getattr(preset, name)
        for rows in divide(samples, num_folds(preset, samples), proxy):
            found = len({samples[i].identity for i in rows})
            if found < wanted:
                raise ValueError(
                    "A search divides the training people into folds, and "
                    "each must have enough people for a batch. Received: "
                    f"{name}[0]={wanted}, but a part of them holds {found}. "
                    f"Train on more people, or with a smaller `{name}`."
                )
