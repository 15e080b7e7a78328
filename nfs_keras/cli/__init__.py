"""The command `nfs-reid`, and how the examples run."""

from nfs_keras.cli.program import run as run
