"""How similar pictures of the same and of different people are."""

import numpy as np

from nfs_keras.report.style import (
    BLUE,
    INK,
    VERMILLION,
    drawn,
    new_figure,
)

NUM_BINS = 2000  # counted; drawn are at most MAX_BARS
MAX_BARS = 60
BLOCK = 512  # query rows at a time: bounds memory, not accuracy


@drawn
def plot_similarity_histogram(
    query,
    gallery,
    query_identities,
    gallery_identities,
    threshold=None,
    title=None,
):
    """Draws histograms of cosine similarity, with the decision threshold.

    Args:
        query: Float array `(num_query, dim)` of embeddings.
        gallery: Float array `(num_gallery, dim)` of embeddings.
        query_identities: Int array `(num_query,)`.
        gallery_identities: Int array `(num_gallery,)`.
        threshold: Float in [-1, 1]: pairs above it are called the same.
        title: String above the axes.

    Returns:
        A `matplotlib.figure.Figure`. Each histogram sums to 100 %: there are
        far more pairs of different people than of the same.
    """
    same, different = similarity_counts(
        query, gallery, query_identities, gallery_identities
    )
    edges, same, different = merge_bins(same, different)
    figure, ((axes,),) = new_figure(3.2)
    draw_bars(axes, edges, different, "different people", BLUE, "")
    draw_bars(axes, edges, same, "same person", VERMILLION, "///")
    if threshold is not None:
        name = f"threshold {threshold:.2f}"
        axes.axvline(threshold, color=INK, ls="--", lw=1.5, label=name)
    axes.set(xlabel="Cosine similarity", ylabel="Pairs (%)")
    axes.set_title(title)
    figure.legend(loc="outside lower center")
    return figure


def draw_bars(axes, edges, counts, name, color, hatch):
    """Draws one histogram as shares of its own pairs."""
    axes.stairs(
        100 * counts / max(1, counts.sum()),
        edges,
        fill=True,
        facecolor=(color, 0.25),
        edgecolor=color,
        linewidth=1.6,
        hatch=hatch,
        label=f"{name} ({counts.sum():,} pairs)",
    )


def similarity_counts(query, gallery, query_identities, gallery_identities):
    """Counts the pairs of same and of different people by similarity.

    Args:
        query: Float array `(num_query, dim)`.
        gallery: Float array `(num_gallery, dim)`.
        query_identities: Int array `(num_query,)`.
        gallery_identities: Int array `(num_gallery,)`.

    Returns:
        Two int arrays `(2000,)`: pairs by bin of similarity from -1 to 1.
    """
    query, gallery = unit(query), unit(gallery)
    counts = np.zeros((2, NUM_BINS), np.int64)
    for start in range(0, len(query), BLOCK):
        rows = slice(start, start + BLOCK)
        similarity = np.clip(query[rows] @ gallery.T, -1, 1)
        bins = np.int16((similarity + 1) * (NUM_BINS / 2))
        bins = np.minimum(bins, NUM_BINS - 1)
        same = query_identities[rows, None] == gallery_identities[None]
        counts[0] += np.bincount(bins[same], minlength=NUM_BINS)
        counts[1] += np.bincount(bins[~same], minlength=NUM_BINS)
    return counts


def merge_bins(same, different):
    """Merges the bins between the least and the greatest similarity.

    Returns:
        Edges `(bars + 1,)` and two arrays of counts `(bars,)`.
    """
    (occupied,) = np.nonzero(same + different)
    first, last = (occupied[0], occupied[-1]) if occupied.size else (0, 0)
    width = -(-(last + 1 - first) // MAX_BARS)
    starts = np.arange(first, last + 1, width)
    edges = np.append(starts, starts[-1] + width) * 2 / NUM_BINS - 1
    counts = [np.add.reduceat(x[: last + 1], starts) for x in (same, different)]
    return edges, *counts


def unit(embeddings):
    """Scales rows to length 1; rows of zeros stay zero."""
    embeddings = np.asarray(embeddings, np.float32)
    length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings / np.maximum(length, 1e-12)
