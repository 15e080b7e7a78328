"""Scores a network on a dataset's own protocol."""

import dataclasses
import os
import time

import numpy as np
import tensorflow as tf

from nfs_keras.datasets import Sample, image_dataset
from nfs_keras.evaluation import (
    ImageEmbedder,
    calibrate_searches,
    confidence_intervals,
    evaluate,
    labelled_pairs,
)
from nfs_keras.modalities import MODALITIES
from nfs_keras.models import count_flops
from nfs_keras.serving import MatchProbability, fit_match_probability
from nfs_keras.synthetic.tree import SYNTHETIC_NOTE

CMC_LENGTH = 50
# The stages that trained each network.
TRAINED_BY = {
    "baseline": ("baseline",),
    "searched": ("search", "retrain"),
    "compacted": ("search", "retrain"),
}


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
            for modality in MODALITIES
        },
        load=lambda samples: image_dataset(samples, network.image_shape),
    )


def compiled(encoder):
    """Compiles an encoder to one graph, for batches of any size."""
    spec = tf.TensorSpec((None, *encoder.input_shape[1:]), tf.float32)
    function = tf.function(lambda image: encoder(image, training=False))
    graph = function.get_concrete_function(spec)
    return lambda images: graph(tf.convert_to_tensor(images))


def embed_test(embedder, dataset):
    """Embeds all test images of a dataset, once.

    Args:
        embedder: An embedding function, such as `image_embedder` makes.
        dataset: A reader.

    Returns:
        Dict of arrays: `path`, absolute, `identity`, `camera`, `modality` and
        `embedding`, float32 `(N, dim)`.
    """
    samples = dataset.test
    columns = {
        name: np.array([getattr(sample, name) for sample in samples])
        for name in Sample._fields
    }
    columns["path"] = np.array([os.path.abspath(s.path) for s in samples])
    return {**columns, "embedding": embedder(samples)}


def evaluate_embedded(embedded, dataset):
    """Scores the embeddings of all test images on the dataset's protocol.

    Args:
        embedded: The result of `embed_test`; for RegDB also a dict of trial
            to such a result, one for each network.
        dataset: A reader.

    Returns:
        An `EvaluationTable`.
    """
    if "path" in embedded:
        embed = recall(embedded)
    else:
        embed = {trial: recall(x) for trial, x in embedded.items()}
    table = evaluate(embed, dataset)
    notes = (SYNTHETIC_NOTE,) if dataset.synthetic else ()
    return dataclasses.replace(table, notes=(*table.notes, *notes))


def recall(embedded):
    """Makes an embedding function that looks up finished embeddings.

    Files are compared by their real paths: a dataset's folder can have
    several names.
    """
    paths = map(os.path.realpath, map(str, embedded["path"]))
    by_path = dict(zip(paths, embedded["embedding"], strict=True))

    def look_up(samples):
        places = [os.path.realpath(sample.path) for sample in samples]
        missing = [place for place in places if place not in by_path]
        if missing:
            raise ValueError(
                "The images of finished embeddings stay where they were. "
                f"Received: {len(missing):,} images without an embedding, such "
                f"as {missing[0]!r}; one with it is {next(iter(by_path))!r}. "
                "Move the dataset back, or start in a new folder."
            )
        return np.stack([by_path[place] for place in places])

    return look_up


def describe_scores(table):
    """Converts a table to the dict that `metrics.json` contains.

    Returns:
        Dict of `"rows"`, every row of the table by its key, and of each
        direction, the first row that searches in it. A row is a dict: its
        `title`; its scores in percent, means over the trials; with several
        trials their `deviation`, with one the 95 % `intervals` over people.
    """
    rows = {row.key: describe_row(row) for row in table.rows}
    directions = {}
    for row in table.rows:
        directions.setdefault(row.direction, rows[row.key])
    return {**directions, "rows": rows}


def describe_row(row):
    """Converts one row of a table to a dict."""
    trials = [*row.trials.values()]
    if len(trials) > 1:
        uncertainty = {"deviation": row.deviation}
    else:
        ranks = range(1, 21)
        intervals = confidence_intervals(trials[0], ranks=ranks)
        uncertainty = {"intervals": intervals}
    cmc = np.mean([metrics.cmc[:CMC_LENGTH] for metrics in trials], axis=0)
    return {
        "title": row.name,
        **row.mean,
        **uncertainty,
        "num_valid_queries": int(np.mean(row.num_valid_queries)),
        "cmc": [round(float(x), 6) for x in cmc],
    }


def describe_cost(network, encode):
    """Measures the cost to embed a visible image: operations and speed.

    Args:
        network: A `ReIDNetwork`.
        encode: Its compiled encoder of visible images.
    """
    encoder = network.encoder("visible")
    return {
        "flops": count_flops(encoder),
        "parameters": int(encoder.count_params()),
        "images_per_second": measure_speed(encode, network.image_shape),
    }


def measure_speed(encode, image_shape, batch_size=64, repeats=5):
    """Measures images per second: the median of a few batches."""
    images = tf.zeros((batch_size, *image_shape))
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        encode(images).numpy()
        seconds.append(time.perf_counter() - start)
    return round(batch_size / float(np.median(seconds)), 1)


def score_networks(run, dataset):
    """Scores a run's networks, and saves their scores and embeddings.

    Args:
        run: `RunFolder`. Receives `metrics.json`, `metrics.md` and the test
            embeddings.
        dataset: A reader.

    Returns:
        Dict of each network's name to its `ImageEmbedder`.
    """
    rows, tables, embedders = [], [], {}
    for name in run.networks():
        network = run.load_network(name)
        embedders[name] = embedder = image_embedder(network)
        embedded = embed_test(embedder, dataset)
        table = evaluate_embedded(embedded, dataset)
        cost = describe_cost(network, embedder.encoders["visible"])
        trained = {"cpu_seconds": run.cpu_seconds(TRAINED_BY[name])}
        rows.append({"name": name, **describe_scores(table), **cost, **trained})
        tables.append(f"## {name}\n\n{table.markdown()}")
        run.save_embeddings(name, embedded)
    run.write_json("metrics.json", {"rows": rows})
    run.write_text("metrics.md", "\n".join(tables))
    return embedders


def calibrate_network(run, embed, dataset, held_out):
    """Calibrates the threshold for "same person" on held-out people.

    Args:
        run: `RunFolder`. Receives `calibration.json`.
        embed: The network's `ImageEmbedder`.
        dataset: A reader.
        held_out: Samples of the people who were held out of training.
    """
    searches = dataset.both_directions(held_out)
    found = {
        direction: calibration.to_dict()
        for direction, calibration in calibrate_searches(
            embed, searches
        ).items()
    }
    pairs = labelled_pairs(embed, searches).values()
    similarity, same = (np.concatenate(x) for x in zip(*pairs, strict=True))
    run.write_json(
        "calibration.json",
        {
            "directions": found,
            "people": sorted({sample.identity for sample in held_out}),
            "probability": fit_match_probability(similarity, same)._asdict(),
        },
    )


def read_probability(run):
    """Reads the `MatchProbability` that `calibrate_network` has fitted."""
    return MatchProbability(**run.read_json("calibration.json")["probability"])
