"""Answers requests with SavedModels and TensorFlow alone.

Neither Keras nor nfs_keras can be imported here.

    python answer_without_keras.py [SAVED_MODEL REQUESTS ANSWERS] ...

REQUESTS is an `.npz` of arrays named `<endpoint>/<input>/<number>`; so is
ANSWERS, of outputs. Run as a program, in a process of its own.
"""

import collections
import sys

import numpy as np

# TensorFlow imports Keras if it is there; so it must not be.
sys.modules["keras"] = sys.modules["nfs_keras"] = None

import tensorflow as tf  # noqa: E402


def answer(saved_model, requests, answers):
    signatures = tf.saved_model.load(saved_model).signatures
    given = collections.defaultdict(dict)
    with np.load(requests, allow_pickle=True) as arrays:
        for key, array in arrays.items():
            endpoint, name, number = key.split("/")
            value = array.tolist() if array.dtype == object else array
            given[endpoint, number][name] = tf.constant(value)
    outputs = {}
    for (endpoint, number), inputs in given.items():
        for name, value in signatures[endpoint](**inputs).items():
            outputs[f"{endpoint}/{name}/{number}"] = value.numpy()
    np.savez(answers, **outputs)


if __name__ == "__main__":
    words = iter(sys.argv[1:])
    for saved_model in words:
        answer(saved_model, next(words), next(words))
