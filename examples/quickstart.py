"""Halves the operations of a small CNN on real images, in plain `fit`.

    python examples/quickstart.py

The images are scikit-learn's handwritten digits, so nothing is downloaded. The
`sparsity` of a search layer is all that plain Keras training needs to select
features; then the choice is frozen, fine-tuned and removed from the model.
"""

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from nfs_keras.layers import DualLevelSearch
from nfs_keras.models import Architecture, compact, count_flops

keras.utils.set_random_seed(0)
images, labels = load_digits(return_X_y=True)
images = images.reshape(-1, 8, 8, 1).astype("float32") / 16
split = train_test_split(images, labels, test_size=0.3, random_state=0)
train_images, test_images, train_labels, test_labels = split


def block(filters, name):
    """A convolution, and a search layer that selects its features."""
    return [
        keras.layers.Conv2D(filters, 3, padding="same", activation="relu"),
        DualLevelSearch(sparsity=6e-3, initial_logit=0.5, seed=0, name=name),
    ]


model = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        *block(32, "search1"),
        *block(32, "search2"),
        keras.layers.MaxPooling2D(),
        *block(64, "search3"),
        keras.layers.Flatten(),
        keras.layers.Dense(10),
    ]
)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def fit(epochs, rate):
    """Trains in plain Keras; returns the accuracy on the test images."""
    model.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])
    model.fit(train_images, train_labels, 64, epochs, verbose=0)
    return 100 * model.evaluate(test_images, test_labels, verbose=0)[1]


for layer in model.layers:
    if isinstance(layer, DualLevelSearch):
        layer.open()  # first without a search, to compare with
before, operations = fit(30, 3e-3), count_flops(model)

for layer in model.layers:
    if isinstance(layer, DualLevelSearch):
        layer.search()
fit(40, 3e-3)
architecture = Architecture.derive(model, budget=0.45)
architecture.apply(model)
after = fit(40, 1e-3)
smaller = compact(model)

gap = np.abs(
    smaller.predict(test_images, verbose=0)
    - model.predict(test_images, verbose=0)
)
print(architecture.summary())
print(f"accuracy   {before:.1f} % before, {after:.1f} % after")
print(f"operations {operations:,} before, {count_flops(smaller):,} after")
print(f"the compacted model differs by at most {gap.max():.0e}")
