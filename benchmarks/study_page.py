"""Writes the study's tables and figure into docs/results.md.

    python -m benchmarks.study_page

Reads `results/study.jsonl`. Rows are compared with `plain` of the same world
and seed, in pairs; an interval is Student's, over the pairs, at 95 %.
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
BETWEEN = re.compile(r"(<!-- study -->\n).*(<!-- end of study -->)", re.DOTALL)
SCORES = ("rank1", "mean_ap")


def read_lines(path):
    """Lists the lines of a study, with the mean of both directions."""
    text = pathlib.Path(path).read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        for score in SCORES:
            line[score] = statistics.fmean(line[n][score] for n in DIRECTIONS)
    return lines


def pairs_of(lines, row):
    """Lists `(line, plain)` of a row, of the same data, world and seed."""

    def key(line):
        return tuple(line[k] for k in ("dataset", "world", "seed", "budget"))

    plain = {key(line): line for line in lines if line["row"] == "plain"}
    chosen = [line for line in lines if line["row"] == row]
    return [(line, plain[key(line)]) for line in chosen if key(line) in plain]


def interval(differences):
    """Mean and half the width of its 95 % interval; NaN of a single pair."""
    mean = statistics.fmean(differences)
    count = len(differences)
    if count < 2:
        return mean, float("nan")
    error = statistics.stdev(differences) / count**0.5
    return mean, stats.t.ppf(0.975, count - 1) * error


def format_difference(pairs, score):
    """Such as `+2.3 ± 0.8`: how far a row is above `plain`."""
    mean, half = interval([line[score] - plain[score] for line, plain in pairs])
    return f"{mean:+.1f}" + (f" ± {half:.1f}" if half == half else "")


def format_row(lines, row):
    """The cells of a row of the table."""
    pairs = pairs_of(lines, row)
    ours = [line for line, _ in pairs]
    means = [statistics.fmean(line[s] for line in ours) for s in SCORES]
    shares = [line["operations"] / plain["operations"] for line, plain in pairs]
    costs = [
        line["cpu_seconds"] / plain["cpu_seconds"] for line, plain in pairs
    ]
    return [
        f"`{row}`",
        len(pairs),
        *(f"{mean:.1f}" for mean in means),
        *(
            format_difference(pairs, s) if row != "plain" else ""
            for s in SCORES
        ),
        f"{statistics.fmean(shares):.0%}",
        f"{statistics.fmean(costs):.2f}",
    ]


def format_tables(lines):
    """The summary by row, then every pair."""
    rows = [
        r for r in dict.fromkeys(x["row"] for x in lines) if pairs_of(lines, r)
    ]
    head = ["row", ">pairs", ">R-1", ">mAP", ">R-1 against plain"]
    head += [">mAP against plain", ">operations", ">processor time"]
    summary = table(head, [format_row(lines, row) for row in rows])
    each = [
        [
            *(line[k] for k in ("world", "seed")),
            f"`{line['row']}`",
            *(f"{line[s]:.1f}" for s in SCORES),
            f"{line['operations'] / 1e6:.1f}",
            round(line["cpu_seconds"]),
            line["epochs"],
            f"`{line['commit']}`",
        ]
        for line in sorted(lines, key=lambda x: (x["world"], x["seed"]))
    ]
    head = [">world", ">seed", "row", ">R-1", ">mAP", ">MFLOP"]
    head += [">processor s", ">epochs", "commit"]
    return f"{summary}\n\nEvery run:\n\n{table(head, each)}"


def plot_study(lines):
    """R-1 over processor time and over operations, a mark for each run."""
    figure, ((left, right),) = new_figure(3.4, 1, 2, width=7.0)
    for row in dict.fromkeys(line["row"] for line in lines):
        ours = [line for line in lines if line["row"] == row]
        score = [line["rank1"] for line in ours]
        left.scatter([x["cpu_seconds"] for x in ours], score, label=row)
        right.scatter([x["operations"] / 1e6 for x in ours], score, label=row)
    left.set(xlabel="processor seconds of training", ylabel="R-1 (percent)")
    right.set(xlabel="MFLOP of an image")
    rows = left.get_legend_handles_labels()
    figure.legend(*rows, loc="outside lower center", ncols=4)
    return figure


def main():
    lines = read_lines(RESULTS)
    text = BETWEEN.sub(
        lambda found: f"{found[1]}\n{format_tables(lines)}\n\n{found[2]}",
        PAGE.read_text("utf-8"),
    )
    PAGE.write_text(text, "utf-8")
    plot_study(lines).savefig(FIGURE, dpi=110)


if __name__ == "__main__":
    main()
