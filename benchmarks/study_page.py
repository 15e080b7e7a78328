"""Writes the study's tables into docs/results.md, and its figures.

    python -m benchmarks.study_page

Reads `results/study.jsonl`. Rows are compared with `plain` of the same data and
seed, in pairs; an interval is Student's, over the pairs, at 95 %.
"""

import json
import pathlib
import re
import statistics

from scipy import stats

from benchmarks.page import table
from nfs_keras.modalities import DIRECTIONS
from nfs_keras.report.style import new_figure

HERE = pathlib.Path(__file__).parent
RESULTS = HERE / "results" / "study.jsonl"
PAGE = HERE.parent / "docs" / "results.md"
FIGURE = PAGE.parent / "images" / "study.png"
CURVES = PAGE.parent / "images" / "study_length.png"
BETWEEN = re.compile(r"(<!-- study -->\n).*(<!-- end of study -->)", re.DOTALL)
SCORES = ("rank1", "mean_ap")
MARKS = [f"C{color}{shape}" for shape in "o^s" for color in range(10)]


def read_lines(path):
    """Lists the lines of a study, with the mean of both directions."""
    text = pathlib.Path(path).read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        for score in SCORES:
            line[score] = statistics.fmean(line[n][score] for n in DIRECTIONS)
    return lines


def first_runs(lines):
    """Dict of row, dataset, world, seed and budget to the first such line."""
    first = {}
    for line in lines:
        key = (line[k] for k in ("row", "dataset", "world", "seed", "budget"))
        first.setdefault(tuple(key), line)
    return first


def pairs_of(lines, row, other="plain"):
    """Lists `(line, other)` of two rows, of the same data, world and seed.

    Of a run that was repeated the first counts.
    """
    first = first_runs(lines)
    return [
        (line, first[other, *key[1:]])
        for key, line in first.items()
        if key[0] == row and (other, *key[1:]) in first
    ]


def cost(line, lines):
    """Processor time, plain training of the same data and commit being 1.

    Commits were scored on machines of different speed. NaN without a plain one.
    """
    plain = [
        other["cpu_seconds"]
        for other in lines
        if other["row"] == "plain"
        and all(other[k] == line[k] for k in ("dataset", "commit"))
    ]
    mean = statistics.fmean(plain) if plain else float("nan")
    return line["cpu_seconds"] / mean


def interval(differences):
    """Mean and half the width of its 95 % interval; NaN of a single pair."""
    mean = statistics.fmean(differences)
    count = len(differences)
    if count < 2:
        return mean, float("nan")
    error = statistics.stdev(differences) / count**0.5
    return mean, stats.t.ppf(0.975, count - 1) * error


def format_difference(pairs, score):
    """Such as `+2.3 ± 0.8`: how far the first of a pair is above the other."""
    if not pairs or pairs[0][0]["row"] == pairs[0][1]["row"]:
        return ""
    mean, half = interval([line[score] - other[score] for line, other in pairs])
    return f"{mean:+.1f}" + (f" ± {half:.1f}" if half == half else "")


def format_row(lines, row):
    """The cells of a row of the table."""
    pairs = pairs_of(lines, row)
    ours = [line for line, _ in pairs]
    means = [statistics.fmean(line[s] for line in ours) for s in SCORES]
    shares = [line["operations"] / plain["operations"] for line, plain in pairs]
    costs = [cost(line, lines) for line in ours]
    return [
        f"`{row}`",
        len(pairs),
        *(f"{mean:.1f}" for mean in means),
        *(format_difference(pairs, score) for score in SCORES),
        format_difference(pairs_of(lines, "searched_compact", row), "rank1"),
        f"{statistics.fmean(shares):.0%}",
        f"{statistics.fmean(costs):.2f}",
    ]


def by_dataset(lines, compared=False):
    """Dict of dataset and budget to its lines, in the order of the file.

    `compared` leaves out those with nothing to compare.
    """
    groups = {}
    for line in lines:
        group = f"`{line['dataset']}`, budget `{line['budget']}`"
        groups.setdefault(group, []).append(line)
    return {
        group: ours
        for group, ours in groups.items()
        if not compared or len(rows_of(ours)) > 1
    }


def rows_of(lines):
    return list(dict.fromkeys(line["row"] for line in lines))


def format_summary(lines):
    """One line of a table for each row that has a pair."""
    head = ["row", ">pairs", ">R-1", ">mAP", ">R-1 against plain"]
    head += [">mAP against plain", ">R-1, searched against it"]
    head += [">operations", ">processor time"]
    rows = [row for row in rows_of(lines) if pairs_of(lines, row)]
    return table(head, [format_row(lines, row) for row in rows])


def format_every_run(lines):
    head = [">world", ">seed", "row", ">R-1", ">mAP", ">MFLOP"]
    head += [">processor s", ">epochs", "commit"]
    each = [
        [
            "" if line["world"] is None else line["world"],
            line["seed"],
            f"`{line['row']}`",
            *(f"{line[s]:.1f}" for s in SCORES),
            f"{line['operations'] / 1e6:.1f}",
            round(line["cpu_seconds"]),
            line["epochs"],
            f"`{line['commit']}`",
        ]
        for line in sorted(lines, key=lambda x: (x["world"] or 0, x["seed"]))
    ]
    return table(head, each)


def format_tables(lines):
    """The summary of every dataset, then every run."""
    parts = []
    for group, ours in by_dataset(lines, compared=True).items():
        parts += [f"Dataset {group}:", format_summary(ours)]
    for group, ours in by_dataset(lines).items():
        parts += [f"Every run on {group}:", format_every_run(ours)]
    return "\n\n".join(parts)


def plot_lengths(lines):
    """R-1 over the length of the training, a line for each world and row."""
    lines = [line for line in lines if line["world"] is not None]
    figure, ((axes,),) = new_figure(3.2, width=5.0)
    demo = [line for line in lines if line["budget"] == "demo"]
    curves = {}
    for (row, *data, _), line in first_runs(lines).items():
        points = curves.setdefault((*data, row), [])
        points.append((cost(line, demo), line["rank1"]))
    names = {}
    for (*_, row), points in curves.items():
        if len(points) > 1:
            form = "C0o-" if row == "plain" else "C1s--"
            xy = zip(*sorted(points), strict=True)
            (names[row],) = axes.plot(*xy, form, alpha=0.7)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set(
        xlabel="processor time, plain training of the demo = 1",
        ylabel="R-1 (%)",
    )
    figure.legend(names.values(), names, loc="outside lower center", ncols=2)
    return figure


def plot_study(lines):
    """R-1 over processor time and over operations, a mark for each run.

    Runs that end 20 points or more below all plain ones are left out, and data
    with one run of each row, which the tables have.
    """
    groups = by_dataset(lines, compared=True)
    groups = {k: x for k, x in groups.items() if len(x) > len(rows_of(x))}
    height = 2.6 * len(groups) + 1.0
    figure, grid = new_figure(height, len(groups), 2, width=7.0)
    marks = {row: MARKS[i] for i, row in enumerate(rows_of(lines))}
    for (left, right), (group, ours) in zip(grid, groups.items(), strict=True):
        worst = min(x["rank1"] for x in ours if x["row"] == "plain")
        shown = [line for line in ours if line["rank1"] > worst - 20]
        for row in rows_of(shown):
            found = [line for line in shown if line["row"] == row]
            score = [line["rank1"] for line in found]
            costs = [cost(line, ours) for line in found]
            operations = [line["operations"] / 1e6 for line in found]
            left.plot(costs, score, marks[row], label=row)
            right.plot(operations, score, marks[row], label=row)
        left.set(xlabel="processor time, plain training = 1", ylabel="R-1 (%)")
        right.set(xlabel="MFLOP of an image", title=group.replace("`", ""))
    names = {}
    for axes in grid.flat:
        handles, labels = axes.get_legend_handles_labels()
        names.update(zip(labels, handles, strict=True))
    figure.legend(names.values(), names, loc="outside lower center", ncols=3)
    return figure


def main():
    lines = read_lines(RESULTS)
    text = BETWEEN.sub(
        lambda found: f"{found[1]}\n{format_tables(lines)}\n\n{found[2]}",
        PAGE.read_text("utf-8"),
    )
    PAGE.write_text(text, "utf-8")
    plot_study(lines).savefig(FIGURE, dpi=110)
    plot_lengths(lines).savefig(CURVES, dpi=110)


if __name__ == "__main__":
    main()
