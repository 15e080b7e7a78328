"""Writes the HTML report of a run, or compares several runs.

    nfs-reid report RUN [RUN ...]

The report is one file that needs no network: report.html in the folder of the
run, or here if there are several; --output names another. Requires the extra
`report`.
"""

import pathlib

from absl import flags

from nfs_keras.report import write_report

FLAGS = flags.FlagValues()
flags.DEFINE_string("output", None, "The page to write.", flag_values=FLAGS)


def run(words):
    if not words:
        raise ValueError(
            "A report needs at least one run. Received: no folder. "
            "Name one or more: nfs-reid report RUN [RUN ...]."
        )
    folder = pathlib.Path(words[0] if len(words) == 1 else ".")
    path = FLAGS.output or folder / "report.html"
    write_report(words, path)
    print(f"Written: {path}")
