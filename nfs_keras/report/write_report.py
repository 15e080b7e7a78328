"""One self-contained page about one run, or several side by side."""

import collections
import importlib.resources
import itertools
import pathlib

from nfs_keras.files import replace_file
from nfs_keras.report.compare import compare_runs
from nfs_keras.report.run import Run
from nfs_keras.report.style import extra
from nfs_keras.report.tell_mistakes import tell_mistakes
from nfs_keras.report.tell_results import tell_gain
from nfs_keras.report.tell_run import tell_data, tell_reproduction
from nfs_keras.report.tell_search import tell_choice, tell_search

CHAPTERS = (
    ("data", "The data", tell_data),
    ("search", "What was searched", tell_search),
    ("choice", "What was chosen", tell_choice),
    ("gain", "Results", tell_gain),
    ("mistakes", "Mistakes worth looking at", tell_mistakes),
    ("reproduction", "How to reproduce it", tell_reproduction),
)


def write_report(run_dirs, path):
    """Writes a page that needs no network and opens from disk.

    The page tells, in this order: the data, what was searched, what was
    chosen, the results, mistakes worth looking at, how to reproduce it.
    What a run folder does not hold, the page says is missing. Memory is
    bounded: maps are drawn from a sample, similarities are computed in
    blocks, and only pictures that are shown are read.

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
        glance=list(compare_runs(runs)),
        chapters=[
            (anchor, title, [(run, list(tell(run))) for run in runs])
            for anchor, title, tell in CHAPTERS
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
    often = collections.Counter(names)
    return [
        Run(folder, name if often[name] == 1 else str(folder))
        for folder, name in zip(run_dirs, names, strict=True)
    ]


def load_template():
    """Reads the page's template; all that it is given is escaped."""
    folder = importlib.resources.files("nfs_keras.report")
    source = folder.joinpath("report.html").read_text("utf-8")
    jinja2 = extra("jinja2")
    page = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return page.from_string(source)
