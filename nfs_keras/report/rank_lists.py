"""Rank lists: what the network answers, right and wrong."""

from typing import NamedTuple

import numpy as np

from nfs_keras.report.pictures import read_picture
from nfs_keras.report.similarity_histogram import BLOCK, unit
from nfs_keras.report.style import GREEN, INK, VERMILLION, drawn, new_figure


class RankList(NamedTuple):
    """The first answers to one query."""

    query: int  # position of the query
    gallery: np.ndarray  # (ranks,) positions in the gallery, best first
    correct: np.ndarray  # (ranks,) whether each shows the query's identity
    similarity: np.ndarray  # (ranks,) cosine similarity
    margin: float  # best true match minus best false one; < 0 is a mistake


def find_rank_lists(
    query,
    gallery,
    query_identities,
    gallery_identities,
    excluded=None,
    num_worst=3,
    num_best=1,
    num_ranks=10,
):
    """Finds the queries that the network answers worst, and best.

    Args:
        query: Float array `(num_query, dim)` of embeddings.
        gallery: Float array `(num_gallery, dim)` of embeddings.
        query_identities: Int array `(num_query,)`.
        gallery_identities: Int array `(num_gallery,)`.
        excluded: Function of an int array of query positions `(n,)` to a
            boolean array `(n, num_gallery)`: what the protocol hides from
            them. Defaults to nothing.
        num_worst: Int. How many of the most confident mistakes, each of
            another identity.
        num_best: Int. The same for the most confident successes.
        num_ranks: Int. How many answers of each.

    Returns:
        Two lists of `RankList`: the worst, worst first, and the best, best
        first. Queries without a true match are passed over.
    """
    query, gallery = unit(query), unit(gallery)
    sides = (query, gallery, query_identities, gallery_identities, excluded)
    margins = query_margins(*sides)
    order = np.argsort(margins, kind="stable")
    order = order[np.isfinite(margins[order])]
    chosen = (
        one_each(order, query_identities)[:num_worst],
        one_each(order[::-1], query_identities)[:num_best],
    )
    return tuple(
        [rank_list(x, margins[x], *sides, num_ranks) for x in positions]
        for positions in chosen
    )


def one_each(order, identities):
    """Keeps the first query of every identity."""
    _, first = np.unique(identities[order], return_index=True)
    return order[np.sort(first)]


def rank_list(
    position,
    margin,
    query,
    gallery,
    query_identities,
    gallery_identities,
    excluded,
    num_ranks,
):
    """Ranks the gallery for one query."""
    rows = np.array([position])
    (similarity,) = masked_similarity(query, gallery, rows, excluded)
    ranks = np.argsort(-similarity, kind="stable")[:num_ranks]
    ranks = ranks[np.isfinite(similarity[ranks])]
    correct = gallery_identities[ranks] == query_identities[position]
    return RankList(
        int(position), ranks, correct, similarity[ranks], float(margin)
    )


def query_margins(
    query, gallery, query_identities, gallery_identities, excluded=None
):
    """Measures how clearly each query finds its identity.

    Returns:
        Float array `(num_query,)`: similarity of the best true match minus
        that of the best false one; infinite where one of them is missing.
    """
    query, gallery = unit(query), unit(gallery)
    margins = np.empty(len(query), np.float32)
    for start in range(0, len(query), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(query)))
        similarity = masked_similarity(query, gallery, rows, excluded)
        same = query_identities[rows, None] == gallery_identities[None]
        best_true = np.where(same, similarity, -np.inf).max(axis=1)
        best_false = np.where(same, -np.inf, similarity).max(axis=1)
        both = np.isfinite(best_true) & np.isfinite(best_false)
        margins[rows] = np.inf
        margins[rows[both]] = (best_true - best_false)[both]
    return margins


def masked_similarity(query, gallery, rows, excluded=None):
    """Multiplies unit vectors of some queries; -inf where excluded."""
    similarity = query[rows] @ gallery.T
    if excluded is not None:
        similarity[excluded(rows)] = -np.inf
    return similarity


@drawn
def plot_rank_lists(rank_lists, query, gallery, root=""):
    """Draws one row per query: the query, then its answers.

    Args:
        rank_lists: List of `RankList`.
        query: Sequence of samples with `path`, `identity` and `camera`.
        gallery: Sequence of the same.
        root: Folder that the paths are relative to.

    Returns:
        A `matplotlib.figure.Figure` and the file names that it shows: one
        list per row, the query's first. A right answer has a green solid
        frame and a tick, a wrong one a vermillion dashed frame and a cross.
    """
    columns = 1 + max(len(ranks.gallery) for ranks in rank_lists)
    figure, grid = new_figure(
        1.9 * len(rank_lists), len(rank_lists), columns, width=0.8 * columns
    )
    names = []
    for row, ranks in zip(grid, rank_lists, strict=True):
        for axes in row:
            axes.set_axis_off()
        asked = query[ranks.query]
        show_answer(
            row[0],
            asked,
            f"query id {asked.identity}\ncamera {asked.camera}",
            root,
        )
        answers = [gallery[position] for position in ranks.gallery]
        for axes, answer, right in zip(
            row[1:], answers, ranks.correct, strict=False
        ):
            sign = "\N{CHECK MARK}" if right else "\N{BALLOT X}"
            title = f"{sign} id {answer.identity}\ncamera {answer.camera}"
            show_answer(axes, answer, title, root)
            frame(axes, GREEN if right else VERMILLION, "-" if right else "--")
        names.append([asked.path, *(answer.path for answer in answers)])
    return figure, names


def show_answer(axes, sample, title, root):
    """Shows one picture; where the file is gone, an empty grey one."""
    picture = read_picture(sample.path, root)
    if picture is None:
        picture = np.full((128, 64, 3), 150, np.uint8)
    axes.imshow(picture, interpolation="none")
    axes.set_title(title, fontsize=8, color=INK)


def frame(axes, color, linestyle):
    """Draws a frame around a picture."""
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set(visible=True, color=color, linestyle=linestyle, linewidth=3)
