"""A tiny search for the tests of several replicas, and a program to run it.

`python distributed_search.py KIND FOLDER EPOCHS PAUSE`, where KIND is
`mirrored` (on two logical CPUs), `multi_worker` (one worker of `TF_CONFIG`) or
`multi_worker_stopped` (the same, ended early by a callback of the chief),
trains, waits PAUSE seconds amid epoch 1, and saves the final state.
"""

import pathlib
import sys
import time

import keras
import numpy as np
import tensorflow as tf
from search_cases import shallow_backbone

from nfs_keras.callbacks import HistoryLog, SearchPhases
from nfs_keras.layers.search_gate import ReplicaSeedGenerator
from nfs_keras.models import Objective, SearchModel, reid_network
from nfs_keras.scale import (
    GlobalBatchObjective,
    make_strategy,
    synchronize_batch_norm,
    train_on_strategy,
)

IMAGE_SHAPE = (12, 6, 3)
NUM_PEOPLE = 8
STEPS_PER_EPOCH = 2


def make_model():
    keras.utils.set_random_seed(1)
    block = {"filters": 6, "inner": 6, "stride": 2, "project": True}
    backbone = shallow_backbone([block])
    # One draw per batch, the same on every replica here, as on one device.
    ReplicaSeedGenerator.next = keras.random.SeedGenerator.next
    network = reid_network(
        backbone, IMAGE_SHAPE, NUM_PEOPLE, noise="batch", seed=3
    )
    search = SearchModel(synchronize_batch_norm(network))
    search.compile(
        keras.optimizers.SGD(0.05, momentum=0.9),
        # Adam divides a gradient by its size: with its usual epsilon the
        # rounding of a gradient near zero becomes a step.
        keras.optimizers.Adam(0.1, epsilon=1e-3),
        loss=GlobalBatchObjective(Objective(1.0, 1.0, 1.0)),
        arch_loss=GlobalBatchObjective(Objective(0.0, 1.0, 1.0)),
        budget=0.6,
    )
    return search


def make_dataset(first_step, shard, num_shards):
    """Endless (train, proxy) batches: a function of the step alone."""

    def batch(step, half):
        rng = np.random.default_rng((step, half))
        people = np.repeat(rng.permutation(NUM_PEOPLE)[:4], 2).astype("int32")
        part = slice(*(np.array([shard, shard + 1]) * 8 // num_shards))
        images = rng.uniform(0, 255, (2, 8, *IMAGE_SHAPE)).astype("float32")
        names = ("visible", "infrared")
        return (
            {name: images[i, part] for i, name in enumerate(names)},
            dict.fromkeys(names, people[part]),
        )

    def batches():
        step = first_step
        while True:
            yield batch(step, 0), batch(step, 1)
            step += 1

    like = tf.nest.map_structure(
        lambda x: tf.TensorSpec(x.shape, x.dtype), (batch(0, 0), batch(0, 1))
    )
    return tf.data.Dataset.from_generator(batches, output_signature=like)


class Pause(keras.callbacks.Callback):
    """Waits in the middle of epoch 1, so that a test can kill it there."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.epoch, batch) == (1, 1):
            time.sleep(self.seconds)


class StopOnChief(keras.callbacks.Callback):
    """Stops after an epoch, on the process that writes the files alone."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == 0


def train(strategy, folder, epochs, pause=0.0, chief_callbacks=()):
    return train_on_strategy(
        strategy,
        make_model,
        make_dataset,
        epochs,
        STEPS_PER_EPOCH,
        pathlib.Path(folder) / "checkpoints",
        callbacks=[SearchPhases(1 / 3, 1.0), Pause(pause)],
        chief_callbacks=chief_callbacks,
    )


def state(model):
    """Everything that training changes, by name."""
    groups = {
        "weights": model.weight_variables,
        "logits": model.search_variables,
        "statistics": model.model.non_trainable_variables,
        "optimizer": model.optimizer.variables,
        "arch_optimizer": model.arch_optimizer.variables,
    }
    return {
        f"{group}/{index}": variable.numpy()
        for group, variables in groups.items()
        for index, variable in enumerate(variables)
    }


def two_logical_cpus():
    (cpu,) = tf.config.list_physical_devices("CPU")
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, halves)
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def main(kind, folder, epochs, pause):
    mirrored = kind == "mirrored"
    strategy = two_logical_cpus() if mirrored else make_strategy("multi_worker")
    callbacks = [HistoryLog(f"{folder}/{kind}.csv", "search")]
    if kind == "multi_worker_stopped":
        callbacks.append(StopOnChief())
    model = train(strategy, folder, int(epochs), float(pause), callbacks)
    suffix = "" if mirrored else strategy.cluster_resolver.task_id
    np.savez(f"{folder}/{kind}{suffix}.npz", **state(model))


if __name__ == "__main__":
    main(*sys.argv[1:])
