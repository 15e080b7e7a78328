"""Synthetic people, drawn as the benchmarks would photograph them."""

from nfs_keras.datasets.synthetic.synthesize_regdb import (
    synthesize_regdb as synthesize_regdb,
)
