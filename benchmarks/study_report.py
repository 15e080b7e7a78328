"""Makes `docs/results.md` and its figure of the lines of the study.

    python -m benchmarks.study_report

The tables and the verdicts are computed; what people have to say about them
stands in `benchmarks/study_discussion.md` and is taken over as it is.
"""

import argparse
from pathlib import Path

from benchmarks import study_words as words
from benchmarks.page import table
from benchmarks.study_numbers import (
    DIRECTIONS,
    FULL,
    GAP,
    Difference,
    both_directions,
    difference,
    flops_saved,
    is_searched,
    read_study,
    spread,
    targets,
)

ROOT = Path(__file__).parents[1]
LINES = ROOT / "benchmarks" / "results" / "study.jsonl"
PAGE = ROOT / "docs" / "results.md"
DISCUSSION = ROOT / "benchmarks" / "study_discussion.md"
RIVALS = ("baseline", "baseline_cmco")
METRICS = ("rank1", "mean_ap", "mean_inp")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=LINES)
    parser.add_argument("--output", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    study = read_study(options.results)
    options.output.write_text(write_page(study, discussion()))
    print(options.output)
    for path in draw_figures(study, options.output.parent / "images"):
        print(path)


def discussion():
    """What people wrote about the results, if they did."""
    return DISCUSSION.read_text() if DISCUSSION.exists() else ""


def write_page(study, discussed=""):
    """Writes the page.

    Args:
        study: What `read_study` gives.
        discussed: String. The discussion.

    Returns:
        The text of the page.
    """
    names = in_order({row for rows in study.values() for row in rows})
    parts = [words.OPENING, words.COMPARED, describe_rows(names)]
    for position, (dataset, rows) in enumerate(study.items()):
        parts += dataset_section(dataset, rows, figure_name(position))
    if discussed:
        parts += ["## Discussion", discussed]
    parts += [words.PUBLISHED, words.NOT_SHOWN, words.REPEAT]
    for dataset, rows in study.items():
        parts += [f"`{dataset}`:", runs_table(rows)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def in_order(rows):
    """Uncompacted rows: the described ones in their order, then others."""
    known = [row for row in words.ROWS if row in rows]
    others = sorted(set(rows) - set(known))
    return known + [row for row in others if not row.endswith("_compact")]


def describe_rows(names):
    lines = [(f"`{row}`", words.ROWS.get(row, "")) for row in names]
    return table(("row", "what it is"), lines)


def figure_name(position):
    return f"study_{position + 1}.png" if position else "study.png"


def dataset_section(dataset, rows, figure):
    """The parts of the page that tell of one dataset."""
    parts = [
        f"## On `{dataset}`",
        words.SCORES,
        scores_table(rows),
        words.DIFFERENCES,
        differences_table(rows),
        f"![Differences to the baselines, with intervals](images/{figure})",
        "### Compacted",
        words.COMPACTED,
        compacted_table(rows),
    ]
    if FULL in rows:
        parts += ["### Targets", words.TARGETS, targets_table(rows)]
    return parts


def scores_table(rows):
    """Accuracy by direction, and what it cost."""
    header = ["row", ">seeds"]
    for arrow in ("V to I", "I to V"):
        header += [f">R-1 {arrow}", ">mAP", ">mINP"]
    header += [">MFLOP", ">seconds", ">gap"]
    lines = []
    for row in in_order(rows):
        runs = list(rows[row].values())
        cells = [
            plus_minus([x[direction][metric] for x in runs if direction in x])
            for direction in DIRECTIONS
            for metric in METRICS
        ]
        gaps = [line[GAP] for line in runs if GAP in line]
        lines.append(
            [
                f"`{row}`",
                len(runs),
                *cells,
                megaflops(runs),
                f"{spread([line['seconds'] for line in runs])[0]:.0f}",
                plus_minus(gaps),
            ]
        )
    return table(header, lines)


def set_against(rows):
    """The rows that are compared with others: all but the baseline."""
    return [row for row in in_order(rows) if row != "baseline"]


def plus_minus(values):
    """Writes mean and standard deviation."""
    if not values:
        return ""
    mean, deviation = spread(values)
    return f"{mean:.1f}" + ("" if deviation is None else f" ± {deviation:.1f}")


def megaflops(runs):
    return f"{spread([line['flops'] for line in runs])[0] / 1e6:.1f}"


def differences_table(rows):
    """Every row against the baselines, searched ones against chance too."""
    lines = []
    for row in set_against(rows):
        chance = ("random",) if is_searched(rows[row]) else ()
        for rival in (*RIVALS, *chance):
            if rival == row or rival not in rows:
                continue
            found = [
                difference(rows[row], rows[rival], metric)
                for metric in ("rank1", "mean_ap")
            ]
            if None not in found:
                cells = [c for d in found for c in (points(d), d.verdict)]
                pair = [f"`{row}`", f"`{rival}`", found[0].num_seeds]
                lines.append(pair + cells)
    header = ("row", "against", ">seeds", ">R-1", "", ">mAP", "")
    return table(header, lines)


def points(found):
    """Writes a difference, and its interval if there is one."""
    if found.half is None:
        return signed(found.mean)
    low, high = signed(found.low), signed(found.high)
    return f"{signed(found.mean)} ({low} to {high})"


def signed(value):
    """Writes a difference; one that rounds to nothing has no minus."""
    return f"{round(value, 1) + 0.0:+.1f}"


def compacted_table(rows):
    """Compacted rows against their own uncompacted networks."""
    lines = []
    plain = rows.get("baseline_cmco")
    for row in in_order(rows):
        runs, small = rows[row], rows.get(f"{row}_compact")
        lost = difference(small or {}, runs, "mean_ap")
        if lost is None:
            continue
        kept = [x["open_fraction"] for x in runs.values() if is_searched(runs)]
        lines.append(
            [
                f"`{row}`",
                lost.num_seeds,
                f"{100 * spread(kept)[0]:.0f} %" if kept else "",
                megaflops(list(small.values())),
                percent(flops_saved(small, runs)),
                percent(flops_saved(small, plain)),
                plus_minus(
                    [both_directions(x, "mean_ap") for x in small.values()]
                ),
                points(lost),
            ]
        )
    header = ("row", ">seeds", ">open", ">MFLOP", ">saved of its own")
    header += (">saved of no gates", ">mAP", ">mAP above its own")
    return table(header, lines)


def percent(value):
    return "" if value is None else f"{value:.0f} %"


def targets_table(rows):
    """What was asked for beside what came out."""
    answers = {True: "met", False: "**not met**", None: "not known"}
    lines = []
    for target in targets(rows):
        outcome = target.outcome
        if isinstance(outcome, Difference):
            outcome = points(outcome)
        else:
            outcome = percent(outcome) or "no such runs"
        lines.append([target.what, target.asked, outcome, answers[target.met]])
    return table(("what", "asked for", ">came out", ""), lines)


def runs_table(rows):
    """Where every row's lines come from."""
    lines = []
    for row in in_order(rows):
        runs = [rows[row][seed] for seed in sorted(rows[row])]
        commits = dict.fromkeys(line["commit"] for line in runs)
        lines.append(
            [
                f"`{row}`",
                ", ".join(str(line["seed"]) for line in runs),
                ", ".join(commits),
                f"`{runs[0]['command']}`",
            ]
        )
    return table(("row", "seeds", "commits", "command of the first"), lines)


def draw_figures(study, folder):
    """Draws one figure per dataset; gives the paths."""
    from benchmarks.study_figure import plot_differences

    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for position, rows in enumerate(study.values()):
        rivals = [rival for rival in RIVALS if rival in rows]
        paths.append(folder / figure_name(position))
        figure = plot_differences(rows, set_against(rows), rivals)
        figure.savefig(paths[-1], dpi=120)
    return paths


if __name__ == "__main__":
    main()
