"""How fast the evaluation is, and in how much memory.

    python benchmarks/evaluation.py              # minutes; needs 3 GiB
    python benchmarks/evaluation.py --no-large   # without the million
    python benchmarks/evaluation.py --smoke      # seconds, tiny sizes

Embeddings are random unit vectors: rankings then hold no luck that a method
could use, every true match lies anywhere in the gallery. Each time stands
beside another that was taken in the same run, because machines differ:

- RegDB size, beside a loop over the ranking of each query, and beside the
  usual NumPy evaluator, which sorts each row;
- SYSU-MM01 sizes, single-shot and multi-shot, with its camera rules;
- k-reciprocal re-ranking at SYSU-MM01's multi-shot size;
- 10,000 queries in a gallery of a million, beside the bare matrix product in
  the same blocks, the first half taken before and the second half after.
"""

import argparse
import resource
import sys
import time

import numpy as np

from nfs_keras.evaluation import metrics_from_similarity, retrieval_metrics
from nfs_keras.evaluation import rerank as k_reciprocal

MEMORY = 2**29  # bytes for similarities in work, of the large gallery


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="tiny sizes")
    parser.add_argument("--no-large", action="store_true")
    options = parser.parse_args()
    scale = 20 if options.smoke else 1
    compare_with_loops(identities=206 // scale, images=10)
    measure_sysu(queries=3803 // scale, identities=96 // min(scale, 4))
    if not options.no_large:
        compare_with_product(10_000 // scale, 1_000_000 // scale)


def compare_with_loops(identities, images):
    """RegDB: every image of one modality in all of the other."""
    labels = np.repeat(np.arange(identities), images)
    query, gallery = (random_units(len(labels), 512, seed) for seed in (0, 1))
    ours, metrics = least_time(
        lambda: retrieval_metrics(query, gallery, labels, labels, ranks=(1,)),
        repeat=9,
    )
    report(f"RegDB {len(query):,} x {len(gallery):,} x 512", ours)
    for name, loop, repeat in (
        ("sort each row", loop_of_sorts, 3),
        ("loop over queries and ranks", loop_of_ranks, 3),
    ):
        seconds, mean_ap = least_time(
            lambda loop=loop: loop(query, gallery, labels, labels), repeat
        )
        check_equal(metrics.mean_ap, mean_ap)
        report(f"  {name}", seconds, f"{times(seconds, ours)} as long")


def measure_sysu(queries, identities):
    """SYSU-MM01: cameras 3 and 6 in one or ten images of 1, 2, 4 and 5."""
    rng = np.random.default_rng(0)
    query_labels = rng.integers(0, identities, queries)
    query = random_units(queries, 512, seed=0)
    query_cameras = rng.choice([3, 6], queries)
    for shots, size in ((1, 301), (10, 3010)):
        pairs = [(i, c) for i in range(identities) for c in (1, 2, 4, 5)]
        seen = np.repeat(pairs, shots, axis=0)[:size]
        gallery = random_units(len(seen), 512, seed=1)
        labels = (query_labels, seen[:, 0], query_cameras, seen[:, 1])
        seconds, _ = least_time(
            lambda g=gallery, x=labels: retrieval_metrics(
                query, g, *x, "sysu_mm01", ranks=(1,)
            ),
            repeat=5,
        )
        report(f"SYSU-MM01 {queries:,} x {len(gallery):,} x 512", seconds)
    seconds, distances = least_time(lambda: k_reciprocal(query, gallery), 1)
    metrics_from_similarity(-distances, *labels, "sysu_mm01", ranks=(1,))
    report("  re-ranked", seconds, f"peak {peak_memory():.2f} GiB")


def compare_with_product(queries, size):
    """A million images of 100,000 people."""
    rng = np.random.default_rng(0)
    query = random_units(queries, 256, seed=0)
    gallery = random_units(size, 256, seed=1)
    labels = rng.permutation(size) // 10
    query_labels = rng.integers(0, size // 10, queries)
    half = queries // 2
    product = bare_product(query[:half], gallery)
    total, _ = least_time(
        lambda: retrieval_metrics(
            query, gallery, query_labels, labels, memory=MEMORY
        ),
        repeat=1,
    )
    product += bare_product(query[half:], gallery)
    name = f"{queries:,} x {size:,} x 256"
    report(name, total, f"peak {peak_memory():.2f} GiB")
    remark = f"the evaluation takes {times(total, product)} as long"
    report("  bare matrix product", product, remark)


def bare_product(query, gallery):
    """Times the similarities alone, in the blocks of the evaluation."""
    height = max(1, min(len(query), MEMORY // (4 * len(gallery))))
    block = np.empty((height, len(gallery)), np.float32)
    start = clocks()
    for i in range(0, len(query), height):
        rows = query[i : i + height]
        np.matmul(rows, gallery.T, out=block[: len(rows)])
    return clocks() - start


def loop_of_ranks(query, gallery, query_labels, gallery_labels):
    """Ranks and walks the gallery for one query after another."""
    precisions, penalties, first_ranks = [], [], []
    gallery_labels = gallery_labels.tolist()
    for row, label in zip(query, query_labels.tolist(), strict=True):
        similarity = (gallery @ row).tolist()
        places = range(len(similarity))
        ranking = sorted(places, key=lambda g: (-similarity[g], g))  # noqa: B023
        ranks = []
        for rank, place in enumerate(ranking, 1):
            if gallery_labels[place] == label:
                ranks.append(rank)
        hits = [(n + 1) / rank for n, rank in enumerate(ranks)]
        precisions.append(sum(hits) / len(hits))
        penalties.append(hits[-1])
        first_ranks.append(ranks[0])
    for rank in range(1, len(gallery_labels) + 1):  # the CMC curve
        sum(first <= rank for first in first_ranks)
    return np.mean(precisions)


def loop_of_sorts(query, gallery, query_labels, gallery_labels):
    """Sorts the matrix, then accumulates each row: the usual evaluator."""
    order = np.argsort(-(query @ gallery.T), axis=1, kind="stable")
    hits = gallery_labels[order] == query_labels[:, None]
    precisions = []
    for row in hits:
        precision = np.cumsum(row) / np.arange(1, len(row) + 1)
        precisions.append((precision * row).sum() / row.sum())
    return np.mean(precisions)


def random_units(rows, dim, seed):
    """Random directions, made in place: no second copy in memory."""
    rng = np.random.default_rng(seed)
    embeddings = rng.standard_normal((rows, dim), dtype=np.float32)
    for start in range(0, rows, 2**14):
        tile = embeddings[start : start + 2**14]
        tile /= np.linalg.norm(tile, axis=1, keepdims=True)
    return embeddings


def clocks():
    """Wall-clock and processor seconds: on a busy machine they differ."""
    return np.array([time.perf_counter(), time.process_time()])


def least_time(function, repeat):
    """The least of several times, on either clock, and the last result."""
    seconds = []
    for _ in range(repeat):
        start = clocks()
        result = function()
        seconds.append(clocks() - start)
    return np.min(seconds, axis=0), result


def times(seconds, others):
    """Both ratios, in words."""
    wall, processor = seconds / others
    return f"{wall:.3g} (processor: {processor:.3g}) times"


def peak_memory():
    """Peak resident memory of this process so far, in GiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**30 if sys.platform == "darwin" else peak / 2**20


def check_equal(ours, theirs):
    if abs(ours - theirs) > 1e-4:
        raise ValueError(f"Results differ: {ours} and {theirs}.")


def report(name, seconds, remark=""):
    wall, processor = seconds
    line = f"{name:32}{wall:9.3f} s  processor {processor:9.3f} s  {remark}"
    print(line.rstrip(), flush=True)


if __name__ == "__main__":
    main()
