"""Answers requests with a SavedModel and TensorFlow alone.

Neither Keras nor nfs_keras can be imported here.

    python answer_without_keras.py SAVED_MODEL REQUESTS ANSWERS

REQUESTS is an `.npz` of arrays named `<endpoint>/<input>/<number>`; so is
ANSWERS, of outputs. Run as a program, in a process of its own.
"""

import sys

import numpy as np

# TensorFlow imports Keras if it is there; so it must not be.
sys.modules["keras"] = sys.modules["nfs_keras"] = None

import tensorflow as tf  # noqa: E402


def main(saved_model, requests, answers):
    signatures = tf.saved_model.load(saved_model).signatures
    outputs = {}
    with np.load(requests, allow_pickle=True) as arrays:
        for key in arrays:
            endpoint, name, number = key.split("/")
            given = {name: tf.constant(arrays[key].tolist())}
            if name == "image":
                given = {name: tf.constant(arrays[key])}
            for output, value in signatures[endpoint](**given).items():
                outputs[f"{endpoint}/{output}/{number}"] = value.numpy()
    np.savez(answers, **outputs)


if __name__ == "__main__":
    main(*sys.argv[1:])
