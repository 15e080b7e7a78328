"""Makes `docs/performance.md` of `benchmarks/results/*.json`.

    python -m benchmarks.performance

What a benchmark prints and its JSON does not hold stands beside it, in a text
such as `benchmarks/results/scale.md`, and follows its tables on the page.
"""

import argparse
import json
from pathlib import Path

from benchmarks.measure import IDLE, RESULTS, reaches_aim
from benchmarks.page import table

PAGE = RESULTS.parents[1] / "docs" / "performance.md"

OPENING = """
# How fast it is

<!-- Made by `python -m benchmarks.performance` of benchmarks/results/. Change
those; changes here are lost. -->

`python -m benchmarks` measures, [one page](../benchmarks/README.md) says how,
and how to read it. A **ratio** compares our code with the other that its line
names; both were measured in turn in one process. It is the median of all pairs,
and the least and the largest pair are in brackets. Where these are far apart,
the median is worth less; a machine that was **busy** is marked. A **figure** is
a speed of the machine in that run. Its limit is what the machine reaches when
it only does what cannot be left out: multiplying, copying or reading. It was
measured in the same run.
"""

ABOUT = {
    "layers": (
        "What search layers cost",
        "Networks with a `DualLevelSearch` behind every stage, against "
        "themselves without: seconds of processor time, peak memory. Less is "
        "better.",
    ),
    "data": (
        "Training data",
        "Batches of 288 x 144 images with AGW's augmentation, against loops "
        "that read one image after another; and how much of a training step of "
        "the demo waits for its batch. The tuning of `tf.data` is off: in "
        "TensorFlow 2.21 its thread can miss its end, and whoever drops the "
        "iterator waits for it, for up to a minute. In trials "
        "on two logical devices a training of half a minute ended up to 16 s "
        "late with tuning, and at most 2 s without.",
    ),
    "evaluation": (
        "Evaluation",
        "Rankings, mAP and mINP, against the evaluators that people write; in "
        "a large gallery against the matrix product, without which there is "
        "no ranking.",
    ),
    "search": (
        "Search and training",
        "Steps of the search against steps without gates (less is better); "
        "training of AGW against PyTorch, written from the recipe; compacted "
        "networks against masked ones.",
    ),
    "any_model": (
        "Any Keras model, compacted",
        "Models of `keras.applications` and a plain `Sequential` one, 64 x 64, "
        "gates behind four layers of each, half of their channels closed at "
        "random: the masked model against the compacted one, the share of the "
        "operations saved beside what those gates could save, and the largest "
        "difference between the two models' outputs.",
    ),
    "serving": (
        "Serving",
        "The exported SavedModel, resizing included, against other forms of "
        "the same network in process; the stand-in server under load.",
    ),
    "scale": (
        "Folders and galleries",
        "Embedding a folder against the bare SavedModel fed from memory; a "
        "gallery in Milvus Lite against exact NumPy on all embeddings.",
    ),
    "planted": (
        "Does the search find what is there?",
        "No speed: the share of planted channels and pixels that a search "
        "finds (recall), and of its finds that were planted (precision), one "
        "pair per seed. The controls must not find them.",
    ),
    "resume": (
        "Is anything lost when a run is killed?",
        "No speed: the pipeline in its smoke form, killed by SIGKILL at "
        "random moments, started again each time, and compared with a run "
        "that was not killed. A pair for each result (scores, "
        "networks, gates, history, ...): 1 if equal to the last bit, else 0. "
        "Measured speeds are left out.",
    ),
}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--output", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    options.output.write_text(write_page(read_results(options.results)))
    print(options.output)


def read_results(folder):
    """Dict of benchmark to result, in the order of the page, with its notes."""
    found = {path.stem: path for path in sorted(folder.glob("*.json"))}
    order = [name for name in ABOUT if name in found]
    order += [name for name in found if name not in ABOUT]
    results = {name: json.loads(found[name].read_text()) for name in order}
    for name, result in results.items():
        notes = folder / f"{name}.md"
        if notes.exists():
            result["notes"] = notes.read_text(encoding="utf-8")
    return results


def write_page(results):
    """Writes the page of what `read_results` gives."""
    parts = [OPENING]
    for name, result in results.items():
        title, text = ABOUT.get(name, (name, ""))
        parts += [f"## {title}", text, provenance(name, result)]
        parts.append(ratios_table(result["ratios"]))
        if result.get("figures"):
            parts.append(figures_table(result["figures"]))
        parts.append(result.get("notes", ""))
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def provenance(name, result):
    """One line: command, machine, versions, date, commit, duration."""
    versions = ", ".join(f"{k} {v}" for k, v in result["versions"].items())
    form = result.get("form", "full")
    flag = "" if form == "full" else f" --{form}"
    facts = [
        f"`python -m benchmarks.{name}{flag}`",
        result["machine"],
        versions,
        result["date"],
    ]
    if result.get("commit"):
        facts.append(f"commit {result['commit']}")
    if result.get("seconds"):
        facts.append(f"{result['seconds']:,} s")
    share = result.get("share")
    if share is None or share < IDLE:
        facts.append("**busy**, or not known to be idle")
    return "; ".join(facts) + "."


def ratios_table(ratios):
    answers = {True: "met", False: "**not met**", None: ""}
    lines = []
    for what, ratio in ratios.items():
        pairs = ratio["pairs"]
        spread = f"({shown(min(pairs))} to {shown(max(pairs))})"
        words = "at most" if ratio["better"] == "lower" else "at least"
        aim = "" if ratio["aim"] is None else f"{words} {ratio['aim']:g}"
        lines.append(
            [
                what,
                f"{shown(ratio['value'])} {spread}",
                len(pairs),
                aim,
                answers[reaches_aim(ratio)],
            ]
        )
    return table(("ratio", ">median (spread)", ">pairs", "aim", ""), lines)


def figures_table(figures):
    lines = []
    for what, figure in figures.items():
        value, limit, unit = figure["value"], figure["limit"], figure["unit"]
        share = f"{100 * value / limit:.3g} %" if limit else ""
        bound = f"{shown(limit)} {unit}" if limit else "not known"
        reason = figure["limit_is"] or ""
        lines.append([what, f"{shown(value)} {unit}", bound, share, reason])
    header = ("figure", ">measured", ">limit", ">of it", "what the limit is")
    return table(header, lines)


def shown(value):
    """Writes a number with three digits that count."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}"


if __name__ == "__main__":
    main()
