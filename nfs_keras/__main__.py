"""`python -m nfs_keras` is the command `nfs-reid`."""

import sys

from nfs_keras.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
