"""A tiny search for the tests of several replicas, and a program to run it.

`python distributed_search.py FOLDER PAUSE` is one worker of `TF_CONFIG`: it
trains until a callback of the chief stops it an epoch early, waits PAUSE
seconds amid epoch 1, and saves the final state. The gates search from epoch 1.
"""

import pathlib
import sys
import time

import keras
import numpy as np
import tensorflow as tf
from search_cases import shallow_backbone

from nfs_keras.callbacks import HistoryLog, SearchPhases
from nfs_keras.distribute import (
    GlobalBatchObjective,
    make_strategy,
    synchronize_batch_norm,
    train_on_strategy,
)
from nfs_keras.layers.search_gate import ReplicaSeedGenerator
from nfs_keras.models import Objective, SearchModel, reid_network

IMAGE_SHAPE = (12, 6, 3)
NUM_PEOPLE = 8
STEPS_PER_EPOCH = 2
EPOCHS = 3  # in which it trains; it is asked for one more


def share_draws():
    """Lets all replicas draw the same noise, as one device does."""
    ReplicaSeedGenerator.next = keras.random.SeedGenerator.next


def make_model():
    keras.utils.set_random_seed(1)
    block = {"filters": 6, "inner": 6, "stride": 2, "project": True}
    backbone = shallow_backbone([block])
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
        if (self.epoch, batch) == (1, 1) and self.seconds:
            print("waits", flush=True)
            time.sleep(self.seconds)


class StopOnChief(keras.callbacks.Callback):
    """Stops an epoch early, on the process that writes the files alone."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.stop_training = epoch == EPOCHS - 1


def train(strategy, folder, pause=0.0, chief_callbacks=()):
    return train_on_strategy(
        strategy,
        make_model,
        make_dataset,
        EPOCHS + 1,
        STEPS_PER_EPOCH,
        pathlib.Path(folder) / "checkpoints",
        callbacks=[SearchPhases(1 / (EPOCHS + 1), 1.0), Pause(pause)],
        chief_callbacks=[*chief_callbacks, StopOnChief()],
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


def save_trained(strategy, folder, name, pause=0.0):
    """Trains, and saves the logs and the final state under a name."""
    share_draws()
    log = HistoryLog(f"{folder}/{name}.csv", "search")
    model = train(strategy, folder, pause, [log])
    np.savez(f"{folder}/{name}.npz", **state(model))


def main(folder, pause):
    strategy = make_strategy("multi_worker")
    index = strategy.cluster_resolver.task_id
    save_trained(strategy, folder, f"worker{index}", float(pause))


if __name__ == "__main__":
    main(*sys.argv[1:])
