"""The chapters on the results: what the search brought, and mistakes."""

import numpy as np

from nfs_keras.evaluation import LLCM, REGDB, SYSU_ALL_SEARCH
from nfs_keras.report.blocks import Note, Strip, Table, chart
from nfs_keras.report.cmc_curves import plot_cmc
from nfs_keras.report.cost_accuracy import plot_cost_accuracy
from nfs_keras.report.embedding_map import (
    embedding_map,
    plot_embedding_map,
    sample_identities,
)
from nfs_keras.report.formats import decimal, plain, short
from nfs_keras.report.rank_lists import find_rank_lists
from nfs_keras.report.run import DIRECTIONS
from nfs_keras.report.similarity_histogram import plot_similarity_histogram
from nfs_keras.report.tell_run import tile

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
        yield from tell_cmc(run.rows)
        yield from tell_cost_accuracy([(row["name"], row) for row in run.rows])
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


def tell_cmc(rows):
    """Draws the CMC curves of every direction that has some."""
    for direction in DIRECTIONS:
        known = {row["name"]: row.get(direction) or {} for row in rows}
        curves = {k: x["cmc"] for k, x in known.items() if x.get("cmc")}
        counts = {k: x.get("num_valid_queries") for k, x in known.items()}
        if not curves:
            continue
        ends = [f"{k} {100 * x[0]:.1f} % at rank 1" for k, x in curves.items()]
        yield chart(
            plot_cmc(curves, counts, spaced(direction)),
            f"CMC curves, {spaced(direction)}: {'; '.join(ends)}.",
            "CMC with 95 % intervals over queries.",
        )


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
    header = ["network", "FLOPs per picture", "parameters", "pictures/s"]
    return Table("Cost", header, table)


def tell_cost_accuracy(named_rows):
    """Draws accuracy over cost of all networks that have both."""
    named_rows = [(k, x) for k, x in named_rows if x.get("flops")]
    accuracies = {
        spaced(direction): [
            (row.get(direction) or {}).get("mean_ap", np.nan)
            for _, row in named_rows
        ]
        for direction in DIRECTIONS
        if any(row.get(direction) for _, row in named_rows)
    }
    if not accuracies:
        return
    names = [name for name, _ in named_rows]
    costs = [row["flops"] / 1e9 for _, row in named_rows]
    points = [
        f"{name} {cost:.2g} GFLOPs and {value:.1f} % mAP {direction}"
        for direction, values in accuracies.items()
        for name, cost, value in zip(names, costs, values, strict=True)
    ]
    figure = plot_cost_accuracy(names, costs, accuracies)
    alt = f"Accuracy over cost: {'; '.join(points)}."
    yield chart(figure, alt, "Cost against accuracy: up and left is better.")


def ordered_embeddings(run):
    """Lists the networks that have embeddings: first before, last after."""
    order = [row["name"] for row in run.rows]
    known = [name for name in order if name in run.embedding_names]
    return known or run.embedding_names


def tell_similarity(run):
    """Draws how similar the same and different people are, afterwards."""
    name = ordered_embeddings(run)[-1]
    embeddings = run.embeddings(name)
    if embeddings is None:
        yield Note(f"No similarities: {run.why(f'embeddings/{name}.npz')}.")
        return
    visible, infrared = by_modality(embeddings)
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
    names = ordered_embeddings(run)
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


def by_modality(embeddings):
    """Parts embeddings into visible and infrared."""
    visible = embeddings.modality == "visible"
    return embeddings.take(visible), embeddings.take(~visible)


def tell_mistakes(run):
    """Yields the worst and the best answers of the last network."""
    names = run.embedding_names and ordered_embeddings(run)
    embeddings = run.embeddings(names[-1]) if names else None
    if embeddings is None:
        yield Note("No embeddings were kept, so no answers can be shown.")
        return
    visible, infrared = by_modality(embeddings)
    parts = {"visible": visible, "infrared": infrared}
    for asked, known in asked_directions(run):
        for worst, count in ((True, 3), (False, 1)):
            yield from tell_ranks(run, parts[asked], parts[known], worst, count)


def asked_directions(run):
    """Lists the directions that were evaluated; both, if none was."""
    scored = [
        modalities
        for direction, modalities in DIRECTIONS.items()
        if any(row.get(direction) for row in run.rows)
    ]
    return scored or list(DIRECTIONS.values())


def tell_ranks(run, query, gallery, worst, count):
    """Shows some queries with their first ten answers."""
    root = run.dataset.get("root", "")
    protocol = find_rules(run.dataset.get("name"))
    lists = find_rank_lists(
        query.embedding,
        gallery.embedding,
        query.identity,
        gallery.identity,
        hidden_pictures(protocol, query, gallery),
        worst=worst,
        num_lists=count,
    )
    kind = "Worst" if worst else "Best"
    asked, known = query.samples(), gallery.samples()
    for ranks in lists:
        sample = asked[ranks.query]
        answers = zip(ranks.gallery, ranks.correct, strict=True)
        tiles = [tile(sample, root, f"query id {sample.identity}")]
        for position, right in answers:
            answer = known[position]
            label = f"id {answer.identity}, camera {answer.camera}"
            tiles.append(tile(answer, root, label, bool(right)))
        yield Strip(
            f"{kind}: {sample.modality} query, camera {sample.camera}; best "
            f"right minus best wrong similarity {ranks.margin:+.2f}",
            tiles,
        )


def find_rules(dataset):
    """Gives the protocol of a dataset; one without rules if unknown."""
    rules = {"sysu_mm01": SYSU_ALL_SEARCH, "llcm": LLCM}
    return rules.get(dataset, REGDB)


def hidden_pictures(protocol, query, gallery):
    """Makes the function that says what `protocol` hides from queries."""

    def excluded(rows):
        camera = query.camera[rows, None]
        hidden = np.zeros((len(rows), len(gallery.camera)), bool)
        for asked, known in protocol.excluded:
            hidden |= (camera == asked) & (gallery.camera == known)
        if protocol.excludes_same_camera:
            same = query.identity[rows, None] == gallery.identity
            hidden |= same & (camera == gallery.camera)
        return hidden

    return excluded


def spaced(direction):
    """Writes `visible_to_infrared` as words."""
    return direction.replace("_", " ")
