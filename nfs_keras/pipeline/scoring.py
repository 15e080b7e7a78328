"""Scores a network on a dataset's own protocol."""

import dataclasses
import time

import numpy as np
import tensorflow as tf

from nfs_keras.datasets import image_dataset
from nfs_keras.evaluation import (
    ImageEmbedder,
    calibrate,
    confidence_intervals,
    evaluate,
    retrieval_metrics,
)
from nfs_keras.models import count_flops
from nfs_keras.report.run import SYNTHETIC
from nfs_keras.serving import fit_match_probability

DIRECTIONS = {
    "visible_to_infrared": ("visible", "infrared"),
    "infrared_to_visible": ("infrared", "visible"),
}
CMC_LENGTH = 50
MAX_SIDE = 1500  # pictures of a modality that probabilities are fitted to
COLUMNS = ("path", "identity", "camera", "modality")


def image_embedder(network):
    """Makes the embedding function of a network, for `evaluate_regdb` etc.

    Args:
        network: A `ReIDNetwork`.

    Returns:
        An `ImageEmbedder`, which maps samples to `(N, dim)` arrays.
    """
    return ImageEmbedder(
        {
            modality: compiled(network.encoder(modality))
            for modality in ("visible", "infrared")
        },
        load=lambda samples: image_dataset(samples, network.image_shape),
    )


def compiled(encoder):
    """Gives an encoder as one graph, which takes batches of any size."""
    spec = tf.TensorSpec((None, *encoder.input_shape[1:]), tf.float32)
    function = tf.function(lambda image: encoder(image, training=False))
    graph = function.get_concrete_function(spec)
    return lambda images: graph(tf.convert_to_tensor(images))


def embed_test(embedder, dataset):
    """Embeds all test pictures of a dataset, once.

    Args:
        embedder: An embedding function, such as `image_embedder` makes.
        dataset: A reader.

    Returns:
        Dict of arrays: `path`, `identity`, `camera`, `modality` and
        `embedding`, float32 `(N, dim)`.
    """
    samples = dataset.test
    columns = {
        name: np.array([getattr(sample, name) for sample in samples])
        for name in COLUMNS
    }
    return {**columns, "embedding": embedder(samples)}


def mean_average_precision(network, samples):
    """Scores a network on any pictures: no camera rule, mean of directions.

    Args:
        network: A `ReIDNetwork`.
        samples: List of samples of both modalities.

    Returns:
        Float, percent.
    """
    vectors = image_embedder(network)(samples)
    identities = np.array([sample.identity for sample in samples])
    modalities = np.array([sample.modality for sample in samples])
    precisions = []
    for direction in DIRECTIONS.values():
        query, gallery = (modalities == modality for modality in direction)
        sides = vectors[query], vectors[gallery]
        people = identities[query], identities[gallery]
        metrics = retrieval_metrics(*sides, *people, ranks=(1,))
        precisions.append(metrics.mean_ap)
    return 100 * float(np.mean(precisions))


def evaluate_embedded(embedded, dataset):
    """Scores the embeddings of all test pictures on the dataset's protocol.

    Args:
        embedded: What `embed_test` gave; for RegDB also a dict of trial to
            that, one for each network.
        dataset: A reader.

    Returns:
        An `EvaluationTable`.
    """
    if "path" in embedded:
        embed = recall(embedded)
    else:
        embed = {trial: recall(x) for trial, x in embedded.items()}
    table = evaluate(embed, dataset)
    notes = (SYNTHETIC,) if dataset.synthetic else ()
    return dataclasses.replace(table, notes=(*table.notes, *notes))


def recall(embedded):
    """Makes an embedding function of what is embedded already."""
    by_path = dict(zip(embedded["path"], embedded["embedding"], strict=True))
    return lambda samples: np.stack([by_path[s.path] for s in samples])


def describe_scores(table):
    """Gives a table as `metrics.json` keeps it.

    Returns:
        Dict of `"rows"`, every row of the table under its key, and of each
        direction, the first row that searches in it. A row is a dict: its
        `title`; its figures in percent, means over the trials; with several
        trials their `deviation`, with one the 95 % `intervals` over people.
    """
    rows = {row.key: describe_row(row) for row in table.rows}
    directions = {}
    for row in table.rows:
        directions.setdefault(row.direction, rows[row.key])
    return {**directions, "rows": rows}


def describe_row(row):
    """The figures of one row of a table."""
    trials = [*row.trials.values()]
    if len(trials) > 1:
        spread = {"deviation": row.deviation}
    else:
        ranks = range(1, 21)
        spread = {"intervals": confidence_intervals(trials[0], ranks=ranks)}
    cmc = np.mean([metrics.cmc[:CMC_LENGTH] for metrics in trials], axis=0)
    return {
        "title": row.name,
        **row.mean,
        **spread,
        "num_valid_queries": int(np.mean(row.num_valid_queries)),
        "cmc": [round(float(x), 6) for x in cmc],
    }


def describe_cost(network, encode):
    """Counts and measures what embedding a visible picture costs.

    Args:
        network: A `ReIDNetwork`.
        encode: Its compiled encoder of visible pictures.
    """
    encoder = network.encoder("visible")
    return {
        "flops": count_flops(encoder),
        "parameters": int(encoder.count_params()),
        "images_per_second": measure_speed(encode, network.image_shape),
    }


def measure_speed(encode, image_shape, batch_size=64, repeats=5):
    """Pictures per second on this machine: the median of a few batches."""
    pictures = tf.zeros((batch_size, *image_shape))
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        encode(pictures).numpy()
        seconds.append(time.perf_counter() - start)
    return round(batch_size / float(np.median(seconds)), 1)


def calibrations(embedded):
    """Calibrates "same person?" for each direction, on these embeddings."""
    found = {}
    for direction, modalities in DIRECTIONS.items():
        sides = [embedded["modality"] == modality for modality in modalities]
        found[direction] = calibrate(
            *(embedded["embedding"][side] for side in sides),
            *(embedded["identity"][side] for side in sides),
        )
    return found


def fit_probability(embedded):
    """Fits "same person?" as a probability, to pairs of both modalities."""
    sides = {}
    for modality in ("visible", "infrared"):
        rows = np.flatnonzero(embedded["modality"] == modality)
        step = -(-len(rows) // MAX_SIDE)  # of many, some: pairs are plenty
        sides[modality] = rows[::step]
    visible, infrared = sides["visible"], sides["infrared"]
    embedding, identity = embedded["embedding"], embedded["identity"]
    return fit_match_probability(
        embedding[visible] @ embedding[infrared].T,
        identity[visible, None] == identity[infrared],
    )


def load_embedded(folder, name):
    """Loads the test embeddings that a run has kept of a network."""
    with np.load(folder / "embeddings" / f"{name}.npz") as arrays:
        return dict(arrays)
