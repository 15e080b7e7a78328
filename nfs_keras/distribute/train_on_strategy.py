"""Training on several devices or hosts, without `fit`."""

import contextlib
import tempfile

import keras
import tensorflow as tf

from nfs_keras.callbacks import TrainingCheckpoint
from nfs_keras.datasets.image_dataset import untuned
from nfs_keras.distribute.strategies import is_chief


def train_on_strategy(
    strategy,
    make_model,
    make_dataset,
    epochs,
    steps_per_epoch,
    checkpoints,
    callbacks=(),
    chief_callbacks=(),
):
    """Trains a model on all replicas of a strategy, and resumes it.

    It replaces `fit` for several hosts, where `fit` of Keras 3.15 fails. Every
    process runs this function with the same arguments. The chief saves a
    checkpoint after each epoch, and all resume from it: when one worker dies
    the others cannot continue, and fail when its heartbeats have been missing
    for some minutes. The program that started them (Kubernetes, Ray, systemd)
    starts all of them again.

    Args:
        strategy: A result of `make_strategy`.
        make_model: Function that returns a built and compiled `SearchModel`
            or `TrainingModel`. Called within the strategy's scope.
        make_dataset: Function `(first_step, shard, num_shards)` that returns
            the batches of one replica from a step on, for example of a
            `ShardedSampler`; endless, or at least to the last epoch.
        epochs: Int. Epochs in all, including those before a restart.
        steps_per_epoch: Positive int.
        checkpoints: Path of a directory that all hosts share.
        callbacks: Keras callbacks of every process, such as
            `TemperatureAnnealing` and `SearchPhases`. When one of them sets
            `model.stop_training`, on whatever process, all stop after that
            epoch.
        chief_callbacks: Callbacks that write files, for the chief alone. They
            may read the logs and must not read the model.

    Returns:
        The trained model, the same on every process.

    Raises:
        ValueError: If `steps_per_epoch` is not positive.
    """
    if steps_per_epoch < 1:
        raise ValueError(
            "An epoch needs one or more steps. "
            f"Received: steps_per_epoch={steps_per_epoch}. "
            "Make batches smaller, or give more people."
        )
    with strategy.scope():
        model = make_model()
        first_epoch = TrainingCheckpoint(checkpoints).restore(model)
        model.stop_training = False
    first_step = first_epoch * steps_per_epoch
    batches = iter(replica_batches(strategy, make_dataset, first_step))
    steps = {}
    if is_chief(strategy):
        callbacks = [*callbacks, *chief_callbacks]
    with saver(strategy, checkpoints) as checkpoint:
        events = keras.callbacks.CallbackList(
            [*callbacks, checkpoint],
            model=model,
            epochs=epochs,
            steps=steps_per_epoch,
        )
        events.on_train_begin()
        for epoch in range(first_epoch, epochs):
            events.on_epoch_begin(epoch)
            model.reset_metrics()
            for index in range(steps_per_epoch):
                events.on_train_batch_begin(index)
                # A search has another step in each phase.
                phase = getattr(model, "phase_name", None)
                if phase not in steps:
                    steps[phase] = make_step(strategy, model)
                logs = steps[phase](next(batches))
                events.on_train_batch_end(index)
            events.on_epoch_end(epoch, average(strategy, logs))
            if anyone_stops(strategy, model.stop_training):
                break
        events.on_train_end()
    return model


def replica_batches(strategy, make_dataset, first_step):
    """Makes a dataset of batches for each replica of this process."""
    num_shards = strategy.num_replicas_in_sync

    def worker_batches(context):
        here = num_shards // context.num_input_pipelines
        first = context.input_pipeline_id * here
        batches = tf.data.Dataset.choose_from_datasets(
            [
                make_dataset(first_step, first + replica, num_shards)
                for replica in range(here)
            ],
            tf.data.Dataset.range(here).repeat(),
        )
        return untuned(batches)

    return strategy.distribute_datasets_from_function(worker_batches)


def make_step(strategy, model):
    """Compiles one training step of all replicas."""

    @tf.function(autograph=False)  # as Keras traces `train_step`
    def step(batch):
        return strategy.run(model.train_step, args=(batch,))

    return step


def anyone_stops(strategy, stops):
    """Returns whether any process has set `model.stop_training`.

    All continue or all stop: one alone would wait for the others for ever.
    """

    @tf.function
    def count(mine):
        context = tf.distribute.get_replica_context()
        # Made here, because only a value on a device can be summed.
        mine = tf.fill([1], mine)
        return context.all_reduce(tf.distribute.ReduceOp.SUM, mine)

    total = strategy.run(count, args=(float(stops),))
    return bool(strategy.experimental_local_results(total)[0][0] > 0)


def average(strategy, logs):
    """Averages the logs of the replicas."""
    mean = tf.distribute.ReduceOp.MEAN
    return {
        name: float(strategy.reduce(mean, value, axis=None))
        for name, value in logs.items()
    }


@contextlib.contextmanager
def saver(strategy, checkpoints):
    """Yields a `TrainingCheckpoint`, of which only the chief's files remain.

    All processes save, because a metric's value is the sum over all of them.
    """
    with tempfile.TemporaryDirectory() as scratch:
        chief = is_chief(strategy)
        yield TrainingCheckpoint(checkpoints if chief else scratch)
