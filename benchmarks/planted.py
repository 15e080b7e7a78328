"""Does the search find what is there to be found?

Feature maps are made up in which some channels, at some pixels, carry who a
person is, alike in both modalities. The other channels there are *modality
shortcuts*: they tell people apart by a code that means nothing in the other
modality. The other pixels are noise. A search that works keeps the planted
channels and pixels and closes the rest, with either split of the data; without
the cross-modality term, or with shuffled labels, it cannot know them.

    python -m benchmarks.planted            # two minutes on two cores
    python -m benchmarks.planted --smoke    # one case

prints precision and recall of what was kept, the least of five seeds, and
exits with status 1 unless both splits reach 0.95 and both controls miss it.
"""

import sys

import keras
import numpy as np
import tensorflow as tf
from nfs_keras.backbones import Stage

from benchmarks.measure import options_parser, ratio_of, write_results
from nfs_keras.layers import DualLevelSearch, EmbeddingHead
from nfs_keras.models import Objective, ReIDNetwork, SearchModel

SHAPE = (8, 4, 16)  # height, width, channels
NUM_IDENTITIES = 96
BATCH = (16, 4)  # people, and pictures of each per modality
NUM_STEPS = 500
BAR = 0.95
SEEDS = (0, 1, 2, 3, 4)
CASES = {
    "image split": {"split": "image"},
    "identity split": {"split": "identity"},
    "without CMCO": {"split": "image", "contrast": 0.0},
    "labels shuffled": {"split": "identity", "shuffled": True},
}
CONTROLS = ("without CMCO", "labels shuffled")


def plant(seed):
    """Chooses the channels (C,) and pixels (H, W) that carry identity."""
    generator = np.random.default_rng(seed)
    channels = generator.permutation(SHAPE[2]) < SHAPE[2] // 2
    pixels = generator.permutation(SHAPE[0] * SHAPE[1]) < SHAPE[0] * 2
    return channels, pixels.reshape(SHAPE[:2])


def draw_batches(seed, people, planted, shuffled):
    """Yields `NUM_STEPS` batches of maps, and of who they show."""
    channels, pixels = planted
    world = np.random.default_rng(0)
    shared = world.normal(size=(NUM_IDENTITIES, SHAPE[2]))
    generator = np.random.default_rng(seed)
    private = world.normal(size=(2, NUM_IDENTITIES, SHAPE[2]))
    for _ in range(NUM_STEPS):
        chosen = generator.permutation(people)[: BATCH[0]]
        labels = np.repeat(chosen, BATCH[1]).astype("int32")
        maps, shown = {}, {}
        for modality, own in zip(("visible", "infrared"), private, strict=True):
            codes = np.where(channels, shared, own)[labels][:, None, None]
            noise = generator.normal(size=(len(labels), *SHAPE))
            inside = pixels[:, :, None]
            maps[modality] = np.where(inside, codes + noise, 3 * noise)
            shown[modality] = labels
            if shuffled:
                shown[modality] = generator.permutation(labels)
        yield {k: v.astype("float32") for k, v in maps.items()}, shown


def batch_dataset(*arguments):
    """Makes a `tf.data.Dataset` of `draw_batches`."""
    size = BATCH[0] * BATCH[1]
    keys = ("visible", "infrared")
    signature = (
        {k: tf.TensorSpec((size, *SHAPE), "float32") for k in keys},
        {k: tf.TensorSpec((size,), "int32") for k in keys},
    )
    return tf.data.Dataset.from_generator(
        lambda: draw_batches(*arguments), output_signature=signature
    )


def make_network(seed):
    """A network that is nothing but a search cell, a mean and a head."""
    keras.utils.set_random_seed(seed)
    cell = DualLevelSearch(seed=seed, name="cell")
    network = ReIDNetwork(
        stems={k: keras.layers.Identity() for k in ("visible", "infrared")},
        stages=[Stage([keras.layers.Identity()], cell, name="stage1")],
        pooling=keras.layers.GlobalAveragePooling2D(),
        head=EmbeddingHead(NUM_IDENTITIES),
        image_shape=SHAPE,
    )
    network.build()
    return network


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
    model = SearchModel(make_network(seed))
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.optimizers.Adam(0.05),
        arch_objective=Objective(
            identity=float(split == "image"), triplet=0.0, contrast=contrast
        ),
    )
    batches = [
        batch_dataset((seed, half), people, planted, shuffled)
        for half, people in enumerate(halves)
    ]
    pairs = tf.data.Dataset.zip(*batches)
    model.fit(pairs, steps_per_epoch=NUM_STEPS, verbose=0)
    return judge(model.derive(), planted)


def judge(architecture, planted):
    """Compares what an architecture keeps with what was planted."""
    scores = {}
    levels = architecture.cells["stage1"]
    for (level, kept), truth in zip(levels.items(), planted, strict=True):
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
