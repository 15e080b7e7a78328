"""Computes on two logical CPUs: `python two_devices.py FOLDER`.

They are set before TensorFlow starts, so they need a process of their own; all
that is computed on two devices shares it. The tests compare the files with
what one device finds.
"""

import sys

import distributed_search
import global_batch
import keras
import mirrored_fit
import numpy as np
import tensorflow as tf

from nfs_keras.layers import DualLevelSearch, find_gates


def two_logical_cpus():
    (cpu,) = tf.config.list_physical_devices("CPU")
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, halves)
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def noise(strategy):
    """Samples of a gate, two on each device, and whether it can be frozen."""
    with strategy.scope():
        gate = DualLevelSearch(seed=1, relaxation="binary_concrete")
        image = keras.Input((4, 3, 5))
        model = keras.Model(image, gate(image))

    @tf.function
    def sample():
        maps = tf.ones((2, 4, 3, 5))
        return strategy.run(lambda: model(maps, training=True))

    results = strategy.experimental_local_results
    samples = [np.array(x) for _ in range(2) for x in results(sample())]
    with strategy.scope():
        gate.freeze()
        frozen = all(g.is_frozen for g in find_gates(gate))
    return {"samples": samples, "frozen": frozen}


def main(folder):
    strategy = two_logical_cpus()
    np.savez(f"{folder}/loss.npz", **global_batch.two_devices(strategy))
    np.savez(f"{folder}/noise.npz", **noise(strategy))
    np.savez(f"{folder}/fit.npz", **mirrored_fit.two_devices(strategy))
    distributed_search.save_trained(strategy, folder, "mirrored")


if __name__ == "__main__":
    main(*sys.argv[1:])
