"""Rank lists: the worst and the best answers of a network."""

from typing import NamedTuple

import numpy as np

from nfs_keras.evaluation.ground_truth import GroundTruth
from nfs_keras.evaluation.similarity import similarity_blocks
from nfs_keras.modalities import DIRECTIONS
from nfs_keras.report.blocks import Note, Strip, tile
from nfs_keras.report.embeddings import MEMORY
from nfs_keras.report.run import sample_at, select_modality
from nfs_keras.report.style import (
    GRAY_IMAGE,
    GREEN,
    INK,
    VERMILLION,
    new_figure,
    read_image,
    styled,
)


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
        first. Queries without a true match are left out.
    """
    query_identities, gallery_identities = map(
        np.asarray, (query_identities, gallery_identities)
    )
    margins = query_margins(
        query, gallery, query_identities, gallery_identities, excluded
    )
    order = np.argsort(margins, kind="stable")
    order = order[np.isfinite(margins[order])]

    def rank_lists(positions):
        for position, row in similarities(query, gallery, positions, excluded):
            ranks = np.argsort(-row, kind="stable")[:num_ranks]
            ranks = ranks[np.isfinite(row[ranks])]
            correct = gallery_identities[ranks] == query_identities[position]
            margin = float(margins[position])
            yield RankList(int(position), ranks, correct, row[ranks], margin)

    worst = first_of_each(order, query_identities)[:num_worst]
    best = first_of_each(order[::-1], query_identities)[:num_best]
    return [*rank_lists(worst)], [*rank_lists(best)]


def first_of_each(order, identities):
    """Keeps the first query of every identity."""
    _, first = np.unique(identities[order], return_index=True)
    return order[np.sort(first)]


def query_margins(
    query, gallery, query_identities, gallery_identities, excluded=None
):
    """Measures how clearly each query finds its identity.

    Returns:
        Float array `(num_query,)`: similarity of the best true match minus
        that of the best false one; infinite where one of them is missing.
    """
    margins = np.full(len(query), np.inf, np.float32)
    positions = np.arange(len(query))
    for position, row in similarities(query, gallery, positions, excluded):
        same = query_identities[position] == gallery_identities
        sides = [row[side].max(initial=-np.inf) for side in (same, ~same)]
        if np.isfinite(sides).all():
            margins[position] = sides[0] - sides[1]
    return margins


def similarities(query, gallery, positions, excluded=None):
    """Yields query positions and their similarities, -inf where excluded."""
    if not len(positions):
        return
    blocks = similarity_blocks(query[positions], gallery, MEMORY)
    for part, block in blocks:
        rows = positions[part]
        if excluded is not None:
            block[excluded(rows)] = -np.inf
        yield from zip(rows, block, strict=True)


@styled
def plot_rank_lists(rank_lists, query, gallery, root=""):
    """Plots one row of images per query: the query, then its answers.

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
        2.1 * len(rank_lists), len(rank_lists), columns, width=0.8 * columns
    )
    names = []
    for row, ranks in zip(grid, rank_lists, strict=True):
        for axes in row:
            axes.set_axis_off()
        sample = query[ranks.query]
        title = f"query\nperson {sample.identity}\ncamera {sample.camera}"
        show_sample(row[0], sample, title, root)
        answers = [gallery[position] for position in ranks.gallery]
        for axes, answer, correct in zip(
            row[1:], answers, ranks.correct, strict=False
        ):
            sign = "\N{CHECK MARK}" if correct else "\N{BALLOT X}"
            title = f"{sign} person {answer.identity}\ncamera {answer.camera}"
            show_sample(axes, answer, title, root)
            add_frame(axes, correct)
        names.append([sample.path, *(answer.path for answer in answers)])
    return figure, names


def show_sample(axes, sample, title, root):
    """Shows the image of a sample; where the file is missing, a grey one."""
    image = read_image(sample.path, root)
    axes.imshow(GRAY_IMAGE if image is None else image, interpolation="none")
    axes.set_title(title, fontsize=8, color=INK)


def add_frame(axes, correct):
    """Frames an image by whether it is a correct answer."""
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    color, linestyle = (GREEN, "-") if correct else (VERMILLION, "--")
    for spine in axes.spines.values():
        spine.set(visible=True, color=color, linestyle=linestyle, linewidth=3)


def describe_mistakes(run):
    """Yields the worst and the best answers of the last network."""
    embedded = run.last_embeddings()
    if embedded is None:
        yield Note("No embeddings were kept, so no answers can be shown.")
        return
    yield Note(
        "The gallery of a query is all test images of the other modality, "
        "without those that the protocol hides from it."
    )
    for modalities in evaluated_directions(run):
        query, gallery = (select_modality(embedded, m) for m in modalities)
        if len(query["path"]) and len(gallery["path"]):
            yield from rank_strips(run, query, gallery)
        else:
            yield Note(f"There are no searches from {modalities[0]}.")


def evaluated_directions(run):
    """Lists the directions that were evaluated; both, if none was."""
    scored = [
        modalities
        for direction, modalities in DIRECTIONS.items()
        if any(row.get(direction) for row in run.rows)
    ]
    return scored or list(DIRECTIONS.values())


def rank_strips(run, query, gallery):
    """Yields the first ten answers to some queries."""
    worst, best = find_rank_lists(
        query["embedding"],
        gallery["embedding"],
        query["identity"],
        gallery["identity"],
        hidden_images(run.protocol, query, gallery),
    )
    root = run.dataset.get("root", "")
    for kind, lists in (("Worst", worst), ("Best", best)):
        for ranks in lists:
            yield rank_strip(kind, ranks, query, gallery, root)


def rank_strip(kind, ranks, query, gallery, root):
    """Puts a query and its answers side by side."""
    sample = sample_at(query, ranks.query)
    tiles = [tile(sample, root, f"query\nperson {sample.identity}")]
    for position, correct in zip(ranks.gallery, ranks.correct, strict=True):
        answer = sample_at(gallery, position)
        label = f"person {answer.identity}\ncamera {answer.camera}"
        tiles.append(tile(answer, root, label, bool(correct)))
    title = (
        f"{kind}: {sample.modality} query, camera {sample.camera}; similarity "
        "of the best right answer minus that of the best wrong one: "
        f"{ranks.margin:+.2f}"
    )
    return Strip(title, tiles)


def hidden_images(protocol, query, gallery):
    """Makes the function of query positions to what `protocol` hides."""
    sides = (query, gallery)
    truth = GroundTruth(
        *(side["identity"] for side in sides),
        *(side["camera"] for side in sides),
        protocol,
    )

    def excluded(rows):
        hidden = np.zeros((len(rows), len(gallery["path"])), bool)
        for mask, row in zip(hidden, rows, strict=True):
            for columns in truth.hidden(row):
                mask[columns] = True
        return hidden

    return excluded
