"""Summarizes a run as text for a terminal."""

from nfs_keras.report.comparison import format_results
from nfs_keras.report.run import Run
from nfs_keras.synthetic.tree import SYNTHETIC_NOTE
from nfs_keras.text_tables import format_decimal, format_duration


def summarize_run(run_dir) -> str:
    """Summarizes a run in a few lines of plain text.

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
        [format_results(run.rows)] if run.rows else [],
        threshold_lines(run),
        [f"missing: {part} ({why})" for part, why in run.missing.items()],
    )
    return "\n".join(line for part in parts for line in part)


def data_lines(run):
    """Names the dataset, and whether its images are synthetic."""
    facts = {k: run.dataset.get(k) for k in ("name", "trial", "root")}
    known = [f"{k} {v}" for k, v in facts.items() if v is not None]
    lines = [f"dataset: {', '.join(known)}"] if known else []
    return [*lines, SYNTHETIC_NOTE] if run.synthetic else lines


def stage_lines(run):
    """Lists how long each stage took, and its last loss."""
    lines = []
    stages = run.info.get("stages") or {}
    for stage in dict.fromkeys((*stages, *run.history)):
        words = [format_duration((stages.get(stage) or {}).get("seconds"))]
        for metric in ("loss", "open_fraction"):
            values = run.history.get(stage, {}).get(metric)
            if values is not None:
                name = metric.replace("_", " ")
                words.append(f"{name} {format_decimal(values[-1], 3)}")
        lines.append(f"{stage}: {', '.join(words)}")
    return lines


def choice_lines(run):
    """Lists which share each gate keeps."""
    return [
        f"kept {cell} {level}: visible {visible:.0%}, infrared {infrared:.0%}"
        for cell, levels in run.cells.items()
        for level, kept in levels.items()
        for visible, infrared in [[x.mean() for x in kept]]
    ]


def threshold_lines(run):
    """Lists the similarity above which two images show one person."""
    return [
        f"threshold {direction.replace('_', ' ')}: "
        f"{format_decimal(x.get('threshold'), 3)} "
        f"(equal error rate {format_decimal(x.get('equal_error_rate'), 3)})"
        for direction, x in run.calibration.items()
    ]
