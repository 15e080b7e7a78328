"""Writes one self-contained page about one run, or several side by side."""

import collections
import importlib.resources
import itertools
import pathlib

from nfs_keras.files import replace_file
from nfs_keras.report.blocks import group_blocks
from nfs_keras.report.comparison import compare_networks, describe_results
from nfs_keras.report.data import describe_data, describe_reproduction
from nfs_keras.report.kept_features import describe_choice
from nfs_keras.report.rank_lists import describe_mistakes
from nfs_keras.report.run import Run
from nfs_keras.report.style import report_import
from nfs_keras.report.training_curves import describe_search

SECTIONS = (
    ("data", "The data", describe_data),
    ("search", "What was searched", describe_search),
    ("choice", "What was chosen", describe_choice),
    ("results", "Results", describe_results),
    ("mistakes", "The worst and the best answers", describe_mistakes),
    ("reproduction", "How to reproduce it", describe_reproduction),
)


def write_report(run_dirs, path):
    """Writes a page that needs no network and opens from disk.

    At its top stand the scores and costs of every network. Then follow the
    data, what was searched, what was chosen, the results, the worst and the
    best answers, and how to reproduce it. The page names what a run folder
    lacks. Memory is bounded: maps show a sample, similarities are computed in
    blocks, and only images that are shown are read.

    Args:
        run_dirs: List of run folders; several stand side by side.
        path: Path of the HTML file to write.

    Returns:
        The `pathlib.Path` of the file.

    Raises:
        ValueError: If `run_dirs` is empty, or one of them is no run folder.
    """
    runs = open_runs(run_dirs)
    page = load_template().render(
        title=" and ".join(run.name for run in runs),
        comparison=group_blocks(compare_networks(runs)),
        sections=[
            (
                anchor,
                title,
                [(run.name, group_blocks(describe(run))) for run in runs],
            )
            for anchor, title, describe in SECTIONS
        ],
        next_number=itertools.count().__next__,
    )
    with replace_file(path, "w") as file:
        file.write(page)
    return pathlib.Path(path)


def open_runs(run_dirs):
    """Opens runs; where folders share a name, the whole path names them."""
    if not run_dirs:
        raise ValueError(
            "A report is about at least one run. "
            "Received: run_dirs=[]. "
            "Pass the folders of the runs."
        )
    names = [pathlib.Path(x).resolve().name for x in run_dirs]
    counts = collections.Counter(names)
    return [
        Run(folder, name if counts[name] == 1 else str(folder))
        for folder, name in zip(run_dirs, names, strict=True)
    ]


def load_template():
    """Loads the template of the page; it escapes all that it is given."""
    folder = importlib.resources.files("nfs_keras.report")
    source = folder.joinpath("report.html").read_text("utf-8")
    jinja2 = report_import("jinja2")
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.from_string(source)
