"""Scores a network on a dataset's own protocol."""

import time

import numpy as np

from nfs_keras.datasets import image_dataset
from nfs_keras.evaluation import (
    ImageEmbedder,
    calibrate,
    evaluate_llcm,
    evaluate_regdb,
    evaluate_sysu_mm01,
)
from nfs_keras.models import count_flops

EVALUATE = {
    "regdb": evaluate_regdb,
    "sysu_mm01": evaluate_sysu_mm01,
    "llcm": evaluate_llcm,
}
DIRECTIONS = {
    "visible_to_infrared": ("visible", "infrared"),
    "infrared_to_visible": ("infrared", "visible"),
}
CMC_LENGTH = 50


def image_embedder(network):
    """Makes the embedding function of a network, for `evaluate_regdb` etc."""
    return ImageEmbedder(
        {
            modality: network.encoder(modality).predict_on_batch
            for modality in ("visible", "infrared")
        },
        load=lambda samples: image_dataset(samples, network.image_shape),
    )


def embed_test(network, dataset):
    """Embeds all test pictures of a dataset, once.

    Returns:
        Dict of arrays: `path`, `identity`, `camera`, `modality` and
        `embedding`, float32 `(N, dim)`.
    """
    samples = dataset.test
    columns = {
        name: np.array([getattr(sample, name) for sample in samples])
        for name in ("path", "identity", "camera", "modality")
    }
    return {**columns, "embedding": image_embedder(network)(samples)}


def evaluate_network(network, dataset):
    """Scores a network on its dataset's protocol.

    Returns:
        An `EvaluationTable`.
    """
    return EVALUATE[dataset.name](image_embedder(network), dataset)


def score(name, network, dataset, embedded):
    """Scores a network whose test embeddings are known.

    Args:
        name: What the network is called in the table.
        network: A `ReIDNetwork`.
        dataset: A reader.
        embedded: What `embed_test` gave.

    Returns:
        `(row, table)`: a JSON-like dict for `metrics.json`, and the
        `EvaluationTable` of the dataset's protocol.
    """
    by_path = dict(zip(embedded["path"], embedded["embedding"], strict=True))
    table = EVALUATE[dataset.name](
        lambda samples: np.stack([by_path[s.path] for s in samples]), dataset
    )
    encoder = network.encoder("visible")
    row = {"name": name}
    for setting in table.rows:
        key = direction_key(setting.name)
        row.setdefault(key, describe(setting))
    return {
        **row,
        "flops": count_flops(encoder),
        "parameters": int(encoder.count_params()),
        "images_per_second": measure_speed(encoder),
    }, table


def direction_key(name):
    """`"visible to infrared"` as a key; SYSU-MM01 asks from infrared only."""
    key = name.replace(" ", "_")
    return key if key in DIRECTIONS else "infrared_to_visible"


def describe(setting):
    """The figures of one row of a table: means over its trials, in percent."""
    cmc = np.mean([m.cmc[:CMC_LENGTH] for m in setting.trials.values()], axis=0)
    return {
        **setting.mean,
        "num_valid_queries": int(np.mean(setting.num_valid_queries)),
        "cmc": [round(float(x), 6) for x in cmc],
    }


def measure_speed(encoder, batch_size=64, repeats=5):
    """Pictures per second on this machine: the median of a few batches."""
    pictures = np.zeros((batch_size, *encoder.input_shape[1:]), "float32")
    encoder.predict_on_batch(pictures)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        encoder.predict_on_batch(pictures)
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
