"""Runs the command `nfs-reid` by `python -m nfs_keras`."""

import sys

from nfs_keras.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
