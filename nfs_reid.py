"""The command `nfs-reid`, and how the examples run: quietly.

Imported before TensorFlow, it keeps TensorFlow from talking: greetings while
it is imported, and later everything below an error. Who wants to hear it sets
`TF_CPP_MIN_LOG_LEVEL=0`.
"""

import contextlib
import logging
import os
import signal
import sys

from absl import app
from absl import logging as absl_logging


@contextlib.contextmanager
def muted_stderr():
    """Sends what anything, C++ too, writes to standard error nowhere."""
    sys.stderr.flush()
    saved = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def quiet_tensorflow():
    """Imports TensorFlow without a word, and lets only its errors through."""
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with muted_stderr():
        import tensorflow

    tensorflow.get_logger().setLevel(logging.ERROR)
    absl_logging.set_verbosity(absl_logging.ERROR)


@contextlib.contextmanager
def ended_by_ctrl_c():
    """Lets Ctrl-C end the program at once, not in a traceback of imports."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        yield  # ignored, as in the background, or someone else's
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


with ended_by_ctrl_c():
    quiet_tensorflow()

    from nfs_keras.cli.main import main as main
    from nfs_keras.cli.outcome import exit_status


def run(main):
    """Runs an absl program; an error or Ctrl-C ends it with one line.

    Args:
        main: Function of the list of words that are no flags.
    """
    sys.exit(exit_status(lambda: app.run(main), sys.argv[0]))


if __name__ == "__main__":
    sys.exit(main())
