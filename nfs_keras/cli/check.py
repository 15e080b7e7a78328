"""Recognizes the dataset in a folder and lists its flaws.

    nfs-reid check data/RegDB

DATA is the folder of a benchmark or of images of your own, or a CSV file that
lists them. Counts against the published numbers; lists missing, unreadable,
empty, wrongly named and duplicated files, people in both halves, and images
that the protocol cannot score. The exit status is 0 if training may start,
else 1.
"""

from absl import flags

from nfs_keras.cli.arguments import reader_flag, words_named
from nfs_keras.datasets import check_dataset, open_dataset

FLAGS = reader_flag(flags.FlagValues())


def run(words):
    data = words_named(words, "DATA")
    if FLAGS.reader:
        data = open_dataset(data, reader=FLAGS.reader)
    report = check_dataset(data)
    print(report)
    return 0 if report.ok else 1
