"""The layer in any Keras model: search channels and pixels of a small CNN.

Needs nothing but Keras; the pictures are random. Thirty lines:

    python examples/quickstart.py
"""

import keras
import numpy as np

from nfs_keras.callbacks import TemperatureAnnealing
from nfs_keras.layers import DualLevelSearch, find_gates
from nfs_keras.schedules import exponential

images = np.random.default_rng(0).normal(size=(256, 32, 32, 3))
labels = np.random.default_rng(1).integers(10, size=256)

model = keras.Sequential(
    [
        keras.Input((32, 32, 3)),
        keras.layers.Conv2D(16, 3, strides=2, activation="relu"),
        DualLevelSearch(num_modalities=1),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(10),
    ]
)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile("adam", loss)
annealing = TemperatureAnnealing(exponential(0.5, 0.1))
model.fit(images, labels, epochs=2, callbacks=[annealing], verbose=2)

for gate in find_gates(model):
    gate.freeze()  # to what it has learned: an open gate is the identity
    print(f"{gate.name}: {gate.derived_mask().mean():.0%} kept")
