"""Writes the page of a run, or compares several side by side.

    nfs-reid report RUN [RUN ...] --output=report.html

The page is one file that needs no network.
"""

import pathlib

from absl import flags

from nfs_keras.report import write_report

FLAGS = flags.FlagValues()
flags.DEFINE_string(
    "output", None, "The page. Defaults to report.html in the run's folder.",
    flag_values=FLAGS,
)  # fmt: skip


def run(words):
    if not words:
        raise ValueError(
            "A report tells of at least one run. Received: no folder. "
            "Name one or more: nfs-reid report RUN [RUN ...]."
        )
    default = pathlib.Path(words[0] if len(words) == 1 else ".")
    path = FLAGS.output or default / "report.html"
    write_report(words, path)
    print(f"Written: {path}")
