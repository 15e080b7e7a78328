"""Tells which dataset lies in a folder and what is wrong with it.

    nfs-reid check data/RegDB

Counts against the published numbers; lists missing, unreadable, empty, wrongly
named and duplicated files, and people in both halves. The exit status is 0 if
training may start, else 1.
"""

from absl import flags

from nfs_keras.cli.arguments import words_named
from nfs_keras.datasets import check_dataset

FLAGS = flags.FlagValues()


def run(words):
    report = check_dataset(words_named(words, "FOLDER"))
    print(report)
    return 0 if report.ok else 1
