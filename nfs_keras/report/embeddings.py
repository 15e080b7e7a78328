"""Embeddings: how similar they are, and a map of them."""

import numpy as np

from nfs_keras.evaluation.similarity import similarity_blocks
from nfs_keras.modalities import MODALITIES
from nfs_keras.report.blocks import Note, chart
from nfs_keras.report.run import select, select_modality
from nfs_keras.report.style import (
    BLUE,
    INK,
    PALE,
    VERMILLION,
    curve_style,
    new_figure,
    report_import,
    styled,
)

NUM_BINS = 2000  # counted; at most MAX_BARS are shown
MAX_BARS = 60
MEMORY = 2**23  # bytes of similarities at a time

SHAPES = {"visible": "o", "infrared": "^"}
COLORS = {"visible": VERMILLION, "infrared": BLUE}


@styled
def plot_similarity_histogram(
    query,
    gallery,
    query_identities,
    gallery_identities,
    threshold=None,
    title=None,
):
    """Plots histograms of cosine similarity, with the decision threshold.

    Args:
        query: Float array `(num_query, dim)` of embeddings.
        gallery: Float array `(num_gallery, dim)` of embeddings.
        query_identities: Int array `(num_query,)`.
        gallery_identities: Int array `(num_gallery,)`.
        threshold: Float in [-1, 1]: pairs above it count as the same person.
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
    plot_bars(axes, edges, different, "different people", BLUE, "")
    plot_bars(axes, edges, same, "same person", VERMILLION, "///")
    if threshold is not None:
        name = f"threshold {threshold:.2f}"
        axes.axvline(threshold, color=INK, ls="--", lw=1.5, label=name)
    axes.set(xlabel="Cosine similarity", ylabel="Pairs (%)")
    axes.set_title(title)
    figure.legend(loc="outside lower center")
    return figure


def plot_bars(axes, edges, counts, name, color, hatch):
    """Plots one histogram as shares of its own pairs."""
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
    """Counts the pairs of the same person, and of different people.

    Returns:
        Int array `(2, NUM_BINS)`: pairs by bin of similarity from -1 to 1.
    """
    counts = np.zeros((2, NUM_BINS), np.int64)
    for rows, similarity in similarity_blocks(query, gallery, MEMORY):
        bins = np.int16((similarity + 1) * (NUM_BINS / 2))
        bins = np.clip(bins, 0, NUM_BINS - 1)
        same = query_identities[rows, None] == gallery_identities[None]
        counts[0] += np.bincount(bins[same], minlength=NUM_BINS)
        counts[1] += np.bincount(bins[~same], minlength=NUM_BINS)
    return counts


def merge_bins(same, different):
    """Merges the occupied bins to bars: edges `(bars + 1,)`, two counts."""
    (occupied,) = np.nonzero(same + different)
    first, last = (occupied[0], occupied[-1]) if occupied.size else (0, 0)
    width = -(-(last + 1 - first) // MAX_BARS)
    starts = np.arange(first, last + 1, width)
    edges = np.append(starts, starts[-1] + width) * 2 / NUM_BINS - 1
    counts = [np.add.reduceat(x[: last + 1], starts) for x in (same, different)]
    return edges, *counts


def embedding_map(embeddings, method="tsne", seed=0):
    """Projects embeddings onto a plane.

    Args:
        embeddings: Float array `(num, dim)`.
        method: `"tsne"` (van der Maaten, Hinton 2008; neighbourhoods hold,
            distances do not) or `"pca"` (linear).
        seed: Int. The same seed gives the same map.

    Returns:
        Float array `(num, 2)`.

    Raises:
        ValueError: If `method` is another string.
    """
    if method not in ("tsne", "pca"):
        raise ValueError(
            "`method` names a way to project embeddings. "
            f"Received: method={method!r}. "
            'Pass "tsne" or "pca".'
        )
    decomposition = report_import("sklearn.decomposition")
    if method == "pca" or len(embeddings) < 5:
        return decomposition.PCA(2, random_state=seed).fit_transform(embeddings)
    perplexity = min(30, (len(embeddings) - 1) / 3)
    manifold = report_import("sklearn.manifold")
    tsne = manifold.TSNE(
        2, perplexity=perplexity, init="pca", max_iter=500, random_state=seed
    )
    # More threads wait for each other longer than they work on so few points.
    with report_import("threadpoolctl").threadpool_limits(1):
        return tsne.fit_transform(embeddings)


def sample_identities(identities, num=400, seed=0):
    """Samples the positions of `num` images: all those of some identities."""
    people, labels = np.unique(identities, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(people))
    return np.sort(np.argsort(order[labels], kind="stable")[:num])


@styled
def plot_embedding_map(points, identities, modalities, num_identities=7):
    """Plots a map twice: by modality, and by identity for a few people.

    Args:
        points: Float array `(num, 2)`, from `embedding_map`.
        identities: Int array `(num,)`.
        modalities: Array `(num,)` of `"visible"` and `"infrared"`.
        num_identities: Int, at most 7. How many people have a colour; the
            others are grey.

    Returns:
        A `matplotlib.figure.Figure`. Circles are visible, triangles
        infrared; in the lower panel a number names the person, and a line
        joins the middle of their visible images to that of the infrared.
    """
    figure, ((above,), (below,)) = new_figure(6.2, 2, 1)
    people = list(dict.fromkeys(identities))[:num_identities]
    for modality, shape in SHAPES.items():
        rows = modalities == modality
        style = {"marker": shape, "s": 18, "lw": 0}
        above.scatter(*points[rows].T, c=COLORS[modality], alpha=0.85, **style)
        rest = rows & ~np.isin(identities, people)
        below.scatter(*points[rest].T, c=PALE, alpha=0.45, **style)
        for position, person in enumerate(people):
            own = points[rows & (identities == person)]
            below.scatter(*own.T, color=curve_style(position)["color"], **style)
    for position, person in enumerate(people):
        sides = [
            points[(identities == person) & (modalities == modality)]
            for modality in SHAPES
        ]
        centers = [np.median(x, axis=0) for x in sides if len(x)]
        label_person(below, np.array(centers), position, person)
    figure.legend(
        above.collections, SHAPES, loc="outside upper center", ncols=2
    )
    above.set_title("by modality")
    below.set_title("by identity (a line joins the modalities)")
    for axes in (above, below):
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(True)
    return figure


def label_person(axes, centers, position, person):
    """Joins the middles of a person's modalities, and names the person."""
    color = curve_style(position)["color"]
    # Each label in a direction of its own: groups may lie on one another.
    angle = 2.4 * position
    axes.plot(*centers.T, color=color, linewidth=1)
    axes.annotate(
        str(person),
        centers[0],
        xytext=(15 * np.cos(angle), 15 * np.sin(angle)),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=9,
        fontweight="bold",
        bbox={"fc": "white", "ec": color, "pad": 1.5},
        color="black",
    )


def similarity_chart(run):
    """Shows how similar images of the same and of different people are."""
    name = run.embedding_names[-1]
    embedded = run.embeddings(name)
    if embedded is None:
        reason = run.describe_missing(f"embeddings/{name}.npz")
        return Note(f"No similarities: {reason}.")
    visible, infrared = (select_modality(embedded, m) for m in MODALITIES)
    if not (len(visible["path"]) and len(infrared["path"])):
        return Note(f"No similarities: {name} embeds one modality only.")
    thresholds = [x.get("threshold") for x in run.calibration.values()]
    threshold = thresholds[0] if thresholds else None
    figure = plot_similarity_histogram(
        visible["embedding"],
        infrared["embedding"],
        visible["identity"],
        infrared["identity"],
        threshold,
    )
    known = "unknown" if threshold is None else f"{threshold:.2f}"
    return chart(
        figure,
        f"Histograms of similarity of {name}; calibrated threshold: {known}.",
        f"{name}: similarity of all visible-infrared pairs of test images; "
        f"calibrated threshold: {known}.",
    )


def map_charts(run):
    """Yields maps of the embeddings of the first and of the last network."""
    names = run.embedding_names
    for name in dict.fromkeys((names[0], names[-1])):
        embedded = run.embeddings(name)
        if embedded is None or len(embedded["path"]) < 3:
            continue
        some = select(embedded, sample_identities(embedded["identity"]))
        points = embedding_map(some["embedding"])
        figure = plot_embedding_map(points, some["identity"], some["modality"])
        shares = f"{len(points):,} of {len(embedded['path']):,} test images"
        yield chart(
            figure,
            f"t-SNE map of {shares}, {name}, by modality and by identity.",
            f"{name}: t-SNE of {shares}. Neighbourhoods mean something, "
            "distances between groups do not.",
        )
