"""The essence of a run for a terminal."""

from nfs_keras.report.compare import score_names, scores
from nfs_keras.report.formats import decimal, duration, short
from nfs_keras.report.run import SYNTHETIC, Run


def summarize_run(run_dir) -> str:
    """Tells the essence of a run in a few lines of plain text.

    Args:
        run_dir: Path of the run's folder.

    Returns:
        Lines on the data, the stages, what was kept, the scores, the
        thresholds, and what is missing. Scores are percent.

    Raises:
        ValueError: If `run_dir` is no run folder.
    """
    run = Run(run_dir)
    parts = (
        [f"Run {run.name}"],
        data_lines(run),
        stage_lines(run),
        choice_lines(run),
        score_lines(run),
        threshold_lines(run),
        [f"missing: {name} ({why})" for name, why in run.missing.items()],
    )
    return "\n".join(line for part in parts for line in part)


def data_lines(run):
    """Names the dataset, and says if its pictures are drawn."""
    facts = {k: run.dataset.get(k) for k in ("name", "trial", "root")}
    known = [f"{k} {v}" for k, v in facts.items() if v is not None]
    lines = [f"dataset: {', '.join(known)}"] if known else []
    return [*lines, SYNTHETIC] if run.synthetic else lines


def stage_lines(run):
    """Tells how long each stage took, and where its loss ended."""
    lines = []
    stages = run.info.get("stages") or {}
    for stage in dict.fromkeys((*stages, *run.history)):
        words = [duration((stages.get(stage) or {}).get("seconds"))]
        for metric in ("loss", "open_fraction"):
            values = run.history.get(stage, {}).get(metric)
            if values is not None:
                name = metric.replace("_", " ")
                words.append(f"{name} {decimal(values[-1], 3)}")
        lines.append(f"{stage}: {', '.join(words)}")
    return lines


def choice_lines(run):
    """Tells which share each gate keeps, and what deriving has cost."""
    return [
        f"kept {cell} {level}: visible {visible:.0%}, infrared {infrared:.0%}"
        for cell, levels in run.cells.items()
        for level, kept in levels.items()
        for visible, infrared in [[x.mean() for x in kept]]
    ]


def score_lines(run):
    """Tabulates the scores and costs of every network."""
    if not run.rows:
        return []
    table = [["network", *score_names(), "FLOPs", "parameters"]]
    for row in run.rows:
        costs = [short(row.get("flops")), short(row.get("parameters"))]
        table.append([row["name"], *map(decimal, scores(row)), *costs])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(x.rjust(n) for x, n in zip(line, widths, strict=True))
        for line in table
    ]


def threshold_lines(run):
    """Tells from which similarity on two pictures show one person."""
    return [
        f"threshold {direction.replace('_', ' ')}: "
        f"{decimal(x.get('threshold'), 3)} "
        f"(equal error rate {decimal(x.get('equal_error_rate'), 3)})"
        for direction, x in run.calibration.items()
    ]
