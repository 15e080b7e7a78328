"""How fast the evaluation is, and in how much memory.

    python -m benchmarks.evaluation            # minutes; needs 3 GiB
    python -m benchmarks.evaluation --short    # a fifth of the large gallery
    python -m benchmarks.evaluation --smoke    # seconds, tiny sizes

Embeddings are random unit vectors: rankings then hold no luck that a method
could use, every true match lies anywhere in the gallery. Each time stands
beside another that was taken in turn with it, because machines differ:

- RegDB size, beside a loop over the ranking of each query, and beside the
  usual NumPy evaluator, which sorts each row;
- SYSU-MM01 sizes, single-shot and multi-shot, with its camera rules;
- k-reciprocal re-ranking at SYSU-MM01's multi-shot size;
- 10,000 queries in a gallery of a million, in five parts, each beside the bare
  matrix product in the same blocks.
"""

import time

import numpy as np

from benchmarks.measure import (
    figure,
    least_seconds,
    options_parser,
    paired_ratio,
    peak_memory,
    ratio_of,
    seconds_of,
    write_results,
)
from nfs_keras.evaluation import metrics_from_similarity, retrieval_metrics
from nfs_keras.evaluation import rerank as k_reciprocal

MEMORY = 2**29  # bytes for similarities in work, of the large gallery
PAIRS = 5
PRODUCT = "NumPy's product of the same embeddings, and nothing else"


def main(arguments=None):
    options = options_parser(__doc__).parse_args(arguments)
    scale = 20 if options.smoke else 1
    part = 20 if options.smoke else 5 if options.short else 1
    ratios, figures = compare_with_loops(206 // scale, images=10)
    tell(ratios, figures)
    figures |= tell(measure_sysu(3803 // scale, identities=96 // min(scale, 4)))
    found = compare_with_product(10_000 // part, 1_000_000 // part)
    tell(*found)
    write_results("evaluation", options, ratios | found[0], figures | found[1])


def tell(*results):
    """Prints ratios or figures, and gives the first of them back."""
    for found in results:
        for what, result in found.items():
            rest = {k: v for k, v in result.items() if k != "value"}
            print(f"{what}: {result['value']} {rest}", flush=True)
    return results[0]


def compare_with_loops(identities, images):
    """RegDB: every image of one modality in all of the other."""
    labels = np.repeat(np.arange(identities), images)
    query, gallery = (random_units(len(labels), 512, seed) for seed in (0, 1))

    def ours():
        return retrieval_metrics(query, gallery, labels, labels, ranks=(1,))

    ratios = {}
    for name, loop in (
        ("sorting each row", loop_of_sorts),
        ("a loop over queries and ranks", loop_of_ranks),
    ):

        def theirs(loop=loop):
            return loop(query, gallery, labels, labels)

        check_equal(ours().mean_ap, theirs())
        what = f"speed at the size of RegDB, ours against {name}"
        ratios[what] = paired_ratio(theirs, ours, PAIRS)
    return ratios, {"RegDB": speed(ours, query, gallery)}


def speed(evaluate, query, gallery):
    """Queries a second, and as many as the bare product allows."""
    seconds = np.median([seconds_of(evaluate) for _ in range(PAIRS)])
    product = least_seconds(lambda: query @ gallery.T)
    return figure(
        len(query) / seconds, "queries/s", len(query) / product, PRODUCT
    )


def measure_sysu(queries, identities):
    """SYSU-MM01: cameras 3 and 6 in one or ten images of 1, 2, 4 and 5."""
    rng = np.random.default_rng(0)
    query_labels = rng.integers(0, identities, queries)
    query = random_units(queries, 512, seed=0)
    query_cameras = rng.choice([3, 6], queries)
    figures = {}
    for shots, size in ((1, 301), (10, 3010)):
        pairs = [(i, c) for i in range(identities) for c in (1, 2, 4, 5)]
        seen = np.repeat(pairs, shots, axis=0)[:size]
        gallery = random_units(len(seen), 512, seed=1)
        labels = (query_labels, seen[:, 0], query_cameras, seen[:, 1])

        def evaluate(gallery=gallery, labels=labels):
            retrieval_metrics(query, gallery, *labels, "sysu_mm01", ranks=(1,))

        name = f"SYSU-MM01, gallery of {shots} of each person and camera"
        figures[name] = speed(evaluate, query, gallery)
    start = time.perf_counter()
    distances = k_reciprocal(query, gallery)
    seconds = time.perf_counter() - start
    metrics_from_similarity(-distances, *labels, "sysu_mm01", ranks=(1,))
    figures["SYSU-MM01, re-ranked"] = figure(queries / seconds, "queries/s")
    return figures


def compare_with_product(queries, size):
    """A million images of 100,000 people."""
    rng = np.random.default_rng(0)
    query = random_units(queries, 256, seed=0)
    gallery = random_units(size, 256, seed=1)
    labels = rng.permutation(size) // 10
    query_labels = rng.integers(0, size // 10, queries)
    times = []
    for part in np.array_split(np.arange(queries), PAIRS):
        start = clocks()
        bare_product(query[part], gallery)
        middle = clocks()
        retrieval_metrics(
            query[part], gallery, query_labels[part], labels, memory=MEMORY
        )
        times.append((middle - start, clocks() - middle))
    product, ours = np.swapaxes(times, 0, 1)
    seconds, processor = (ours / product).T
    what = f"{queries:,} in {size:,}, ours against the bare product"
    held = query.nbytes + gallery.nbytes + MEMORY
    return {
        f"time, {what}": ratio_of(seconds, 2.0, "lower"),
        f"processor time, {what}": ratio_of(processor, better="lower"),
    }, {
        f"peak memory, {queries:,} in {size:,}": figure(
            peak_memory() / 2**20,
            "GiB",
            held / 2**30,
            "the embeddings and one block of similarities",
        )
    }


def bare_product(query, gallery):
    """The similarities alone, in the blocks of the evaluation."""
    height = max(1, min(len(query), MEMORY // (4 * len(gallery))))
    block = np.empty((height, len(gallery)), np.float32)
    for i in range(0, len(query), height):
        rows = query[i : i + height]
        np.matmul(rows, gallery.T, out=block[: len(rows)])


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


def check_equal(ours, theirs):
    if abs(ours - theirs) > 1e-4:
        raise ValueError(f"Results differ: {ours} and {theirs}.")


if __name__ == "__main__":
    main()
