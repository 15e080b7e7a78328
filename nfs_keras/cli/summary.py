"""Prints a summary of a run: data, choices, scores, costs, thresholds.

nfs-reid summary RUN
"""

from absl import flags

from nfs_keras.cli.arguments import words_named
from nfs_keras.report import summarize_run

FLAGS = flags.FlagValues()


def run(words):
    print(summarize_run(words_named(words, "RUN")))
