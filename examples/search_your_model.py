"""Searches which channels a Keras model of your own needs, within a budget.

    python examples/search_your_model.py
    python examples/search_your_model.py --smoke

Gates are put behind named layers of a finished model; a search trains gates
and weights in turn, to a budget of operations; what is found is fine-tuned,
removed from the model and saved. The images are scikit-learn's digits.
"""

import keras
import tensorflow as tf
from absl import app, flags
from sklearn.datasets import load_digits

from nfs_keras.callbacks import SearchPhases
from nfs_keras.models import (
    SearchModel,
    add_gates,
    compact,
    count_flops,
    search_space_summary,
)

FLAGS = flags.FLAGS
flags.DEFINE_integer("epochs", 24, "Epochs of the search's run.")
flags.DEFINE_bool("smoke", False, "Try it in seconds; nothing is learned.")


def your_model():
    """A model that knows nothing of a search."""
    image = keras.Input((8, 8, 1))
    maps = image
    for i, filters in enumerate((32, 32, 64), start=1):
        maps = keras.layers.Conv2D(filters, 3, padding="same")(maps)
        maps = keras.layers.BatchNormalization(momentum=0.9)(maps)
        maps = keras.layers.ReLU(name=f"relu{i}")(maps)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    return keras.Model(image, keras.layers.Dense(10)(pooled))


def batches_of(images, labels):
    """Batches without end, another order each time."""
    dataset = tf.data.Dataset.from_tensor_slices((images, labels))
    return dataset.shuffle(len(labels), seed=0).repeat().batch(64)


def main(_):
    keras.utils.set_random_seed(0)
    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8, 1).astype("float32") / 16
    train, test = slice(0, 900), slice(1200, None)
    proxy = slice(900, 1200)  # what the gates are compared on

    model = add_gates(
        your_model(), after=["relu1", "relu2", "relu3"], search="channel"
    )
    search_space_summary(model)

    search = SearchModel(model)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    search.compile(
        optimizer=keras.optimizers.Adam(3e-3),
        arch_optimizer=keras.optimizers.Adam(0.1),
        loss=loss,
        metrics=["accuracy"],
        budget=0.4,
    )
    search.fit(
        tf.data.Dataset.zip(
            batches_of(images[train], labels[train]),
            batches_of(images[proxy], labels[proxy]),
        ),
        epochs=3 if FLAGS.smoke else FLAGS.epochs,
        steps_per_epoch=2 if FLAGS.smoke else 18,
        callbacks=[SearchPhases(start=0.125, freeze=0.5)],  # and fine-tuned
        verbose=2,
    )
    smaller = compact(model)
    smaller.compile(loss=loss, metrics=["accuracy"])
    accuracy = smaller.evaluate(images[test], labels[test], verbose=0)[1]
    smaller.save("smaller.keras")  # plain Keras: it loads without nfs_keras
    print(f"accuracy   {100 * accuracy:.1f} %")
    print(
        f"operations {count_flops(model):,} before, "
        f"{count_flops(smaller):,} after"
    )


if __name__ == "__main__":
    app.run(main)
