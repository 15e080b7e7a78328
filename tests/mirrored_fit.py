"""A search of a plain model, to be fitted on one device and on two.

The model has a loss of each output, sample weights, a metric and a
regularizer. Its gates draw the same noise on all replicas, so that the results
can be compared.
"""

import keras
import numpy as np
import tensorflow as tf
from distributed_search import share_draws

from nfs_keras.layers import DualLevelSearch
from nfs_keras.models import SearchModel


def make_model():
    keras.utils.set_random_seed(0)
    maps = keras.Input((6, 6, 2), name="maps")
    x = keras.layers.Conv2D(
        4, 3, activation="relu", kernel_regularizer=keras.regularizers.L2(0.1)
    )(maps)
    x = DualLevelSearch(noise="batch", seed=1, sparsity=0.01, name="cell")(x)
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    outputs = {
        "kind": keras.layers.Dense(3, activation="softmax", name="kind")(x),
        "size": keras.layers.Dense(1, name="size")(x),
    }
    return keras.Model(maps, outputs)


def make_search(mode="first_order"):
    search = SearchModel(make_model())
    search.compile(
        keras.optimizers.SGD(0.1, momentum=0.9),
        keras.optimizers.SGD(1.0),
        loss={"kind": "sparse_categorical_crossentropy", "size": "mse"},
        metrics={"kind": ["accuracy"]},
        budget=0.6,
        mode=mode,
    )
    return search


def make_pairs():
    generator = np.random.default_rng(0)

    def batch():
        maps = generator.normal(size=(3, 8, 6, 6, 2)).astype("float32")
        kinds = generator.integers(0, 3, (3, 8)).astype("int32")
        sizes = maps.mean(axis=(2, 3, 4))[..., None]
        weights = generator.uniform(0, 2, (3, 8)).astype("float32")
        return maps, {"kind": kinds, "size": sizes}, weights

    return tf.data.Dataset.from_tensor_slices((batch(), batch()))


def train(search):
    """Fits, and gives what has changed and what was reported."""
    history = search.fit(make_pairs(), verbose=0).history
    variables = {
        f"variable {i}": np.array(v)
        for i, v in enumerate(
            [
                *search.model.trainable_variables,
                *search.optimizer.variables,
                *search.arch_optimizer.variables,
            ]
        )
    }
    plain = make_pairs().map(lambda train, proxy: train)
    report = search.evaluate(plain, verbose=0, return_dict=True)
    return {
        **variables,
        **{f"log {k}": np.array(v) for k, v in history.items()},
        **{f"report {k}": np.array(v) for k, v in report.items()},
    }


def two_devices(strategy):
    """What `train` gives, and the error of the second order."""
    share_draws()
    with strategy.scope():
        rejected = ""
        try:
            make_search("second_order")
        except ValueError as error:
            rejected = str(error)
        return {"rejected": rejected, **train(make_search())}
