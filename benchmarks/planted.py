"""Does the search find what is there to be found?

Synthetic feature maps: some channels, at some pixels, carry who a person is,
alike in both modalities. The other channels there are *modality shortcuts*:
they tell people apart by a code that means nothing in the other modality. The
other pixels are noise. A search that works keeps the planted channels and
pixels and closes the rest, with either split of the data; without the
cross-modality term, or with shuffled labels, it cannot know them.

The model is a plain functional one, and its losses are Keras losses.

    python -m benchmarks.planted            # two minutes on two cores
    python -m benchmarks.planted --smoke    # one case

prints precision and recall of what was kept, the least of five seeds, and
exits with status 1 unless both splits reach 0.95 and both controls miss it.
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from benchmarks.measure import options_parser, ratio_of, write_results
from nfs_keras.layers import DualLevelSearch
from nfs_keras.losses import CrossModalityContrastive
from nfs_keras.models import SearchModel

SHAPE = (8, 4, 16)  # height, width, channels
NUM_IDENTITIES = 96
BATCH = (16, 4)  # people, and images of each per modality
NUM_STEPS = 500
BAR = 0.95
SEEDS = (0, 1, 2, 3, 4)
CASES = {
    "image split": {"split": "image"},
    "identity split": {"split": "identity"},
    "without CMCO": {"split": "image", "contrast": 0.0},
    "labels shuffled": {"split": "identity", "shuffled": True},
}
IDENTITY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
CONTRAST = CrossModalityContrastive()
CONTROLS = ("without CMCO", "labels shuffled")


def plant(seed):
    """Chooses the channels (C,) and pixels (H, W) that carry identity."""
    generator = np.random.default_rng(seed)
    channels = generator.permutation(SHAPE[2]) < SHAPE[2] // 2
    pixels = generator.permutation(SHAPE[0] * SHAPE[1]) < SHAPE[0] * 2
    return channels, pixels.reshape(SHAPE[:2])


def draw_batches(seed, people, planted, shuffled):
    """Yields `NUM_STEPS` batches of maps, and of whom they show."""
    channels, pixels = planted
    world = np.random.default_rng(0)
    shared = world.normal(size=(NUM_IDENTITIES, SHAPE[2]))
    generator = np.random.default_rng(seed)
    private = world.normal(size=(2, NUM_IDENTITIES, SHAPE[2]))
    for _ in range(NUM_STEPS):
        chosen = generator.permutation(people)[: BATCH[0]]
        labels = np.repeat(chosen, BATCH[1]).astype("int32")
        maps, shown = [], []
        for own in private:
            codes = np.where(channels, shared, own)[labels][:, None, None]
            noise = generator.normal(size=(len(labels), *SHAPE))
            maps.append(np.where(pixels[:, :, None], codes + noise, 3 * noise))
            shown.append(generator.permutation(labels) if shuffled else labels)
        yield as_batch(np.concatenate(maps), np.concatenate(shown))


def as_batch(maps, labels):
    """The inputs of the model, and the targets of its outputs."""
    modality = np.repeat([0, 1], len(labels) // 2).astype("int32")
    targets = {
        "identity": labels,
        "embedding": np.stack([labels, modality], axis=1),
    }
    return {"maps": maps.astype("float32"), "modality": modality}, targets


def batch_dataset(*arguments):
    """Makes a `tf.data.Dataset` of `draw_batches`."""
    like = tf.nest.map_structure(
        lambda x: tf.TensorSpec(x.shape, x.dtype),
        next(draw_batches(*arguments)),
    )
    return tf.data.Dataset.from_generator(
        lambda: draw_batches(*arguments), output_signature=like
    )


def make_model(seed):
    """A model that is nothing but a search cell, a mean and a classifier."""
    keras.utils.set_random_seed(seed)
    maps = keras.Input(SHAPE, name="maps")
    modality = keras.Input((), dtype="int32", name="modality")
    cell = DualLevelSearch(num_modalities=2, seed=seed, name="cell")
    pooled = keras.layers.GlobalAveragePooling2D()(cell(maps, modality))
    neck = keras.layers.BatchNormalization(momentum=0.9, center=False)
    embedding = neck(pooled)
    identity = keras.layers.Dense(NUM_IDENTITIES, use_bias=False)(embedding)
    return keras.Model(
        {"maps": maps, "modality": modality},
        {"identity": identity, "embedding": embedding},
    )


def upper_loss(identity, contrast):
    """A weighted sum of two Keras losses, each for an output of its own."""
    losses = {
        "identity": (identity, IDENTITY),
        "embedding": (contrast, CONTRAST),
    }

    def loss(targets, outputs):
        return sum(
            weight * part(targets[name], outputs[name])
            for name, (weight, part) in losses.items()
            if weight  # the classifier does not know people of another half
        )

    return loss


def search(seed, split, contrast=2.0, shuffled=False):
    """Searches a planted problem.

    Returns:
        Precision and recall of the kept channels and pixels of both
        modalities together, as a dict.
    """
    planted = plant(seed)
    halves = np.split(np.arange(NUM_IDENTITIES), [NUM_IDENTITIES * 2 // 3])
    if split == "image":
        halves = [np.arange(NUM_IDENTITIES)] * 2
    model = SearchModel(make_model(seed))
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.optimizers.Adam(0.05),
        loss={"identity": IDENTITY},
        arch_loss=upper_loss(float(split == "image"), contrast),
    )
    batches = [
        batch_dataset((seed, half), people, planted, shuffled)
        for half, people in enumerate(halves)
    ]
    pairs = tf.data.Dataset.zip(*batches)
    model.fit(pairs, steps_per_epoch=NUM_STEPS, verbose=0)
    return score(model.derive(), planted)


def score(architecture, planted):
    """Compares what an architecture keeps with what was planted."""
    scores = {}
    for level, truth in zip(("channel", "spatial"), planted, strict=True):
        kept = architecture.masks[f"cell/{level}"]
        found = (kept & truth).sum()
        scores[f"{level} precision"] = found / max(kept.sum(), 1)
        scores[f"{level} recall"] = found / (truth.sum() * len(kept))
    return {name: float(value) for name, value in scores.items()}


def run(case, seeds):
    """Searches with some seeds; gives the scores and whether it passed.

    A split has to reach the bar with every seed; a control has to miss it.
    """
    runs = [search(seed, **CASES[case]) for seed in seeds]
    worst = [min(scores.values()) for scores in runs]
    if case in CONTROLS:
        passed = max(worst) < BAR
    else:
        passed = min(worst) >= BAR
    scores = {name: [scores[name] for scores in runs] for name in runs[0]}
    return scores, passed


def main(arguments=None):
    options = options_parser(__doc__).parse_args(arguments)
    smoke = options.smoke
    ratios, passed = {}, True
    for case in ("identity split",) if smoke else CASES:
        scores, case_passed = run(case, SEEDS[:1] if smoke else SEEDS)
        shown = "  ".join(f"{k} {min(v):.3f}" for k, v in scores.items())
        print(f"{case:<16}{shown}", flush=True)
        aim = None if case in CONTROLS else BAR
        for name, values in scores.items():
            ratios[f"{case}, {name}"] = ratio_of(values, aim)
        passed &= case_passed
    write_results("planted", options, ratios)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
