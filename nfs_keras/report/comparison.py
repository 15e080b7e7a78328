"""Compares networks: their scores, their costs, and what the search gained."""

import numpy as np

from nfs_keras.modalities import DIRECTIONS
from nfs_keras.report.accuracy import cmc_charts, cost_charts, spaced
from nfs_keras.report.blocks import Note, Table
from nfs_keras.report.embeddings import map_charts, similarity_chart
from nfs_keras.synthetic.tree import SYNTHETIC_NOTE
from nfs_keras.text_tables import (
    DASH,
    format_count,
    format_decimal,
    format_duration,
    format_table,
    format_value,
)

ARROWS = {
    "visible_to_infrared": "V\N{RIGHTWARDS ARROW}I",
    "infrared_to_visible": "I\N{RIGHTWARDS ARROW}V",
}
SCORES = {"rank1": "R-1", "mean_ap": "mAP"}
ALL_SCORES = {
    **{f"rank{k}": f"R-{k}" for k in (1, 5, 10, 20)},
    "mean_ap": "mAP",
    "mean_inp": "mINP",
}
COSTS = {
    "flops": ("operations", format_count),
    "parameters": ("parameters", format_count),
    "images_per_second": ("images/s", lambda x: format_decimal(x, 0)),
    "cpu_seconds": ("training", format_duration),
}
CAPTION = (
    "baseline: trained without a search; searched: trained and searched; "
    "compacted: searched, without the closed channels. Scores in percent (V "
    "visible, I infrared); operations, parameters and speed of one encoder, "
    "per image; processor time of the training"
)


def format_results(rows, synthetic=False) -> str:
    """Tabulates networks, and states what the search gained.

    Args:
        rows: List of dicts, the rows of `metrics.json`.
        synthetic: Whether the test people are synthetic, which is then noted.

    Returns:
        String of several lines. Scores are percent, speed is that of the
        machine of the run, training is processor time.
    """
    directions = [d for d in DIRECTIONS if any(row.get(d) for row in rows)]
    costs = ("flops", "images_per_second", "cpu_seconds")
    header = ["", *score_titles(directions), *(COSTS[x][0] for x in costs)]
    table = [
        [row["name"], *score_cells(row, directions), *cost_cells(row, costs)]
        for row in rows
    ]
    notes = [SYNTHETIC_NOTE] if synthetic else []
    sentences = [*name_scores(rows), *describe_gain(rows), *notes]
    return "\n".join([format_table([header, *table]), *sentences])


def name_scores(rows) -> list:
    """Names the scores of a direction whose name is not the direction."""
    titles = {
        f"{ARROWS[direction]} is {title}."
        for row in rows
        for direction in DIRECTIONS
        if (title := title_of(row, direction)) != spaced(direction)
    }
    return sorted(titles)


def title_of(row, direction):
    """The name of a network's scores in a direction."""
    return (row.get(direction) or {}).get("title", spaced(direction))


def describe_gain(rows) -> list:
    """States what the search gained or lost, at what cost: sentences."""
    pair = find_pair(rows)
    directions = [d for d in DIRECTIONS if all(row.get(d) for row in pair)]
    if not (pair and directions):
        return []
    changes = [
        f"{title} {', '.join(score_change(*pair, d, x) for d in directions)}"
        for x, title in SCORES.items()
    ]
    if all(row.get("flops") for row in pair):
        saved = 1 - pair[1]["flops"] / pair[0]["flops"]
        changes.append(f"{saved:.0%} fewer operations")
    sentences = [
        f"Searched and compacted against the baseline: {'; '.join(changes)}."
    ]
    if all(row.get("cpu_seconds") for row in pair):
        times = [format_duration(row["cpu_seconds"]) for row in pair]
        sentences.append(
            f"Processor time of training: {times[0]} the baseline, "
            f"{times[1]} the search, its gates' steps included."
        )
    return sentences + describe_chance(pair[0], directions)


def find_pair(rows) -> list:
    """Finds the baseline and the compacted network; empty if one is absent."""
    by_name = {row["name"]: row for row in rows}
    names = ("baseline", "compacted")
    return [by_name[x] for x in names] if by_name.keys() >= {*names} else []


def describe_chance(row, directions) -> list:
    """States how far chance alone moves R-1, if that is known."""
    if "deviation" in row[directions[0]]:
        widest = max(row[d]["deviation"]["rank1"] for d in directions)
        return [f"From trial to trial R-1 deviates by {widest:.1f}."]
    if "intervals" not in row[directions[0]]:
        return []
    intervals = [row[d]["intervals"]["rank1"] for d in directions]
    widest = max(high - low for low, high in intervals) / 2
    return [
        f"With other test people R-1 could be {widest:.1f} off, and another "
        "seed moves it too: trust a gain that several seeds show."
    ]


def compare_networks(runs):
    """Yields the head of a page: scores, costs and result of its runs."""
    if not any(run.rows for run in runs):
        yield Note("Nothing was evaluated yet, so there are no scores.")
        return
    if any(run.synthetic for run in runs):
        yield Note(SYNTHETIC_NOTE)
    if len(runs) == 1 and (sentences := describe_gain(runs[0].rows)):
        yield Note(" ".join(sentences))
    header = [
        "run",
        "network",
        *score_titles(),
        *(x for x, _ in COSTS.values()),
    ]
    yield Table(CAPTION, header, [row for run in runs for row in cells_of(run)])
    for run in runs:
        if sentences := name_scores(run.rows):
            yield Note(f"In {run.name} {' '.join(sentences)}")
    yield from trial_tables(runs)
    if len(runs) > 1:
        last = {
            x.name: (x.rows[-1], count_test_people(x)) for x in runs if x.rows
        }
        yield from cmc_charts(last)
        rows = [(run.name, row) for run in runs for row in run.rows]
        yield from cost_charts(
            [{**row, "name": f"{name} {row['name']}"} for name, row in rows]
        )


def cells_of(run):
    """Yields a row for each network of a run, then what the search changed."""
    for row in run.rows:
        yield [run.name, row["name"], *score_cells(row), *cost_cells(row)]
    if pair := find_pair(run.rows):
        yield [
            run.name,
            "compacted against baseline",
            *(score_change(*pair, d, x) for d in DIRECTIONS for x in SCORES),
            *(cost_change(*pair, cost) for cost in COSTS),
        ]


def trial_tables(runs):
    """Yields mean and deviation of runs that differ in their trial only."""
    trials = {run.dataset.get("trial"): run for run in runs}
    datasets = {run.dataset.get("name") for run in runs}
    if len(trials) < 2 or len(trials) != len(runs) or len(datasets) > 1:
        return
    table = []
    for name in dict.fromkeys(row["name"] for x in runs for row in x.rows):
        own = [row for x in runs for row in x.rows if row["name"] == name]
        columns = zip(*map(scores, own), strict=True)
        table.append([name, str(len(own)), *map(mean_deviation, columns)])
    header = ["network", "trials", *score_titles()]
    caption = "Mean and standard deviation over trials, in percent"
    yield Table(caption, header, table)


def describe_results(run):
    """Yields scores, curves, similarities and maps of the networks."""
    if not run.rows:
        reason = run.describe_missing("metrics.json")
        yield Note(f"Nothing was evaluated: {reason}.")
    yield from score_tables(run.rows)
    if run.rows:
        num_people = count_test_people(run)
        yield from cmc_charts({x["name"]: (x, num_people) for x in run.rows})
        yield from cost_charts(run.rows)
    if not run.embedding_names:
        yield Note("No embeddings were kept: no similarities, no map.")
        return
    yield similarity_chart(run)
    yield from map_charts(run)


def score_tables(rows):
    """Yields the scores of each row of the protocol, in percent."""
    header = ["network", *ALL_SCORES.values(), "queries"]
    tables = {}
    for row in rows:
        directions = {d: row[d] for d in DIRECTIONS if row.get(d)}
        for key, scores in (row.get("rows") or directions).items():
            title = scores.get("title", spaced(key))
            tables.setdefault(title, []).append(
                [
                    row["name"],
                    *(score_deviation(scores, x) for x in ALL_SCORES),
                    format_value(scores.get("num_valid_queries")),
                ]
            )
    for title, table in tables.items():
        yield Table(f"{title}, in percent", header, table)


def score_deviation(scores, score):
    """Writes a score: `57.1`, or `57.1 ± 1.2` over several trials."""
    mean = format_decimal(scores.get(score))
    deviation = scores.get("deviation", {}).get(score)
    if deviation is None:
        return mean
    return f"{mean} \N{PLUS-MINUS SIGN} {format_decimal(deviation)}"


def count_test_people(run):
    """Counts the people of the test set; `None` if unknown."""
    embedded = run.last_embeddings()
    return None if embedded is None else len(set(embedded["identity"]))


def mean_deviation(values):
    """Writes `57.1 ± 1.2`; a dash unless there are two values or more."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return DASH
    return (
        f"{np.mean(known):.1f} \N{PLUS-MINUS SIGN} {np.std(known, ddof=1):.1f}"
    )


def score_titles(directions=tuple(DIRECTIONS)):
    """Lists the titles of the columns that `scores` fills."""
    return [f"{x} {ARROWS[d]}" for d in directions for x in SCORES.values()]


def scores(row, directions=tuple(DIRECTIONS)):
    """Lists the scores of a network; `None` where they are absent."""
    return [(row.get(d) or {}).get(x) for d in directions for x in SCORES]


def score_cells(row, directions=tuple(DIRECTIONS)):
    """Writes the scores of a network."""
    return map(format_decimal, scores(row, directions))


def cost_cells(row, costs=tuple(COSTS)):
    """Writes the costs of a network."""
    return [COSTS[cost][1](row.get(cost)) for cost in costs]


def score_change(before, after, direction, score):
    """Writes by how many points a score differs: `+3.0`."""
    first, second = (
        (x.get(direction) or {}).get(score) for x in (before, after)
    )
    return DASH if None in (first, second) else f"{second - first:+.1f}"


def cost_change(before, after, cost):
    """Writes by what share a cost differs: `-40%`."""
    first, second = before.get(cost), after.get(cost)
    return f"{second / first - 1:+.0%}" if first and second else DASH
