"""The command `nfs-reid`, and the function that runs the examples."""

from nfs_keras.cli.program import run as run
