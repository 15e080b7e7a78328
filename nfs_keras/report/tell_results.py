"""The chapter on the results: what the search brought."""

import numpy as np

from nfs_keras.modalities import DIRECTIONS, MODALITIES
from nfs_keras.report.blocks import Note, Table, chart
from nfs_keras.report.cmc_curves import plot_cmc, score_interval
from nfs_keras.report.cost_accuracy import plot_cost_accuracy
from nfs_keras.report.embedding_map import (
    embedding_map,
    plot_embedding_map,
    sample_identities,
)
from nfs_keras.report.formats import decimal, plain, short
from nfs_keras.report.similarity_histogram import plot_similarity_histogram

SCORES = ("rank1", "rank5", "rank10", "rank20", "mean_ap", "mean_inp")
HEADER = ["R-1", "R-5", "R-10", "R-20", "mAP", "mINP", "queries"]


def tell_gain(run):
    """Yields scores, curves, costs, similarities and maps."""
    if not run.rows:
        yield Note(f"Nothing was evaluated: {run.why('metrics.json')}.")
    for direction in DIRECTIONS:
        rows = [row for row in run.rows if row.get(direction)]
        if rows:
            yield tell_scores(rows, direction)
    if run.rows:
        yield tell_costs(run.rows)
        num_people = count_people(run)
        yield from tell_cmc({x["name"]: (x, num_people) for x in run.rows})
        yield from tell_cost_accuracy(run.rows)
    if not run.embedding_names:
        yield Note("No embeddings were kept: no similarities, no map.")
        return
    yield from tell_similarity(run)
    yield from tell_maps(run)


def tell_scores(rows, direction):
    """Tabulates one direction, in percent."""
    table = []
    for row in rows:
        scores = [decimal(row[direction].get(name)) for name in SCORES]
        queries = plain(row[direction].get("num_valid_queries"))
        table.append([row["name"], *scores, queries])
    caption = f"{spaced(direction)}, in percent"
    return Table(caption, ["network", *HEADER], table)


def tell_cmc(named):
    """Draws the CMC curves of every direction that has some.

    Args:
        named: Dict of name to a pair: a row of `metrics.json`, and the
            number of people that it was tested on, or `None`.

    Yields:
        Charts.
    """
    for direction in DIRECTIONS:
        curves, bands = {}, {}
        for name, (row, num_people) in named.items():
            scores = row.get(direction) or {}
            if scores.get("cmc"):
                curves[name] = scores["cmc"]
                bands[name] = cmc_band(scores, num_people)
        if not curves:
            continue
        bands = {k: band for k, band in bands.items() if band is not None}
        ends = [f"{k} {100 * x[0]:.1f} % at rank 1" for k, x in curves.items()]
        yield chart(
            plot_cmc(curves, bands, spaced(direction)),
            f"CMC curves, {spaced(direction)}: {'; '.join(ends)}.",
            "CMC with 95 % intervals over people."
            if bands
            else "CMC; intervals are unknown, as is the number of people.",
        )


def cmc_band(scores, num_people):
    """Gives the band of a curve: the recorded one, an estimate, or `None`.

    The estimate counts people as independent draws: it is on the safe side.
    """
    recorded = scores.get("intervals") or {}
    ranks = [f"rank{k + 1}" for k in range(len(scores["cmc"]))]
    if all(rank in recorded for rank in ranks[:20]):
        known = [recorded[rank] for rank in ranks if rank in recorded]
        return np.transpose(known) / 100
    if num_people:
        return score_interval(scores["cmc"], num_people)
    return None


def count_people(run):
    """Counts the people whom a run was tested on; `None` if unknown."""
    embeddings = run.last_embeddings()
    return None if embeddings is None else len(set(embeddings.identity))


def tell_costs(rows):
    """Tabulates what each network costs."""
    table = [
        [
            row["name"],
            short(row.get("flops")),
            short(row.get("parameters")),
            decimal(row.get("images_per_second")),
        ]
        for row in rows
    ]
    header = ["network", "FLOPs", "parameters", "pictures/s"]
    return Table("Cost; FLOPs are per picture", header, table)


def tell_cost_accuracy(rows):
    """Draws accuracy over cost of all networks that have both."""
    rows = [row for row in rows if row.get("flops")]
    accuracies = {
        spaced(direction): [
            (row.get(direction) or {}).get("mean_ap", np.nan) for row in rows
        ]
        for direction in DIRECTIONS
        if any(row.get(direction) for row in rows)
    }
    if not accuracies:
        return
    names = [row["name"] for row in rows]
    giga = max(row["flops"] for row in rows) >= 1e9
    scale, unit = (1e9, "GFLOPs") if giga else (1e6, "MFLOPs")
    costs = [row["flops"] / scale for row in rows]
    points = [
        f"{name} {cost:.3g} {unit} and {value:.1f} % mAP {direction}"
        for direction, values in accuracies.items()
        for name, cost, value in zip(names, costs, values, strict=True)
    ]
    figure = plot_cost_accuracy(names, costs, accuracies, f"{unit} per picture")
    alt = f"Accuracy over cost: {'; '.join(points)}."
    yield chart(figure, alt, "Cost against accuracy: up and left is better.")


def tell_similarity(run):
    """Draws how similar the same and different people are, afterwards."""
    name = run.embedding_names[-1]
    embeddings = run.embeddings(name)
    if embeddings is None:
        yield Note(f"No similarities: {run.why(f'embeddings/{name}.npz')}.")
        return
    visible, infrared = map(embeddings.of, MODALITIES)
    if not (len(visible.path) and len(infrared.path)):
        yield Note(f"No similarities: {name} embeds one modality only.")
        return
    thresholds = [x.get("threshold") for x in run.calibration.values()]
    threshold = thresholds[0] if thresholds else None
    figure = plot_similarity_histogram(
        visible.embedding,
        infrared.embedding,
        visible.identity,
        infrared.identity,
        threshold,
    )
    said = "no threshold" if threshold is None else f"{threshold:.2f}"
    yield chart(
        figure,
        f"Histograms of similarity of {name}; calibrated threshold: {said}.",
        f"{name}: similarity of all visible-infrared pairs of test pictures; "
        f"calibrated threshold: {said}.",
    )


def tell_maps(run):
    """Draws maps of embeddings before and after."""
    names = run.embedding_names
    for name in dict.fromkeys((names[0], names[-1])):
        embeddings = run.embeddings(name)
        if embeddings is None or len(embeddings.path) < 3:
            continue
        rows = sample_identities(embeddings.identity)
        some = embeddings.take(rows)
        points = embedding_map(some.embedding)
        figure = plot_embedding_map(points, some.identity, some.modality)
        said = f"{len(rows):,} of {len(embeddings.path):,} test pictures"
        yield chart(
            figure,
            f"t-SNE map of {said}, {name}, by modality and by identity.",
            f"{name}: t-SNE of {said}. Neighbourhoods mean something, "
            "distances between groups do not.",
        )


def spaced(direction):
    """Writes `visible_to_infrared` as words."""
    return direction.replace("_", " ")
