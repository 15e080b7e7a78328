"""How a program runs and ends: quietly, repeatably, with one line on errors.

Only a program's `main` decides these: importing a module changes nothing.
"""

import contextlib
import errno
import os
import signal
import sys

SUCCESS, FAILURE, MISUNDERSTOOD = 0, 1, 2
INTERRUPTED = 130  # as shells report a program that Ctrl-C has ended
AGAIN = "Run the same command again: what is done is kept."


def run(main):
    """Runs an absl program; an error or Ctrl-C ends it with one line.

    TensorFlow is made deterministic, so that the same seed gives the same
    result; its greetings and warnings are left out.

    Args:
        main: Function of the list of words that are no flags.
    """
    from absl import app

    def prepared(words):
        prepare_tensorflow()  # absl's own logging has been set up before
        return main(words)

    sys.exit(exit_status(lambda: app.run(prepared), sys.argv[0]))


def prepare_tensorflow():
    """Imports TensorFlow without a word, and makes it deterministic.

    Who wants to hear it sets `TF_CPP_MIN_LOG_LEVEL=0`.
    """
    loud = "TF_CPP_MIN_LOG_LEVEL" in os.environ
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with contextlib.nullcontext() if loud else muted_stderr():
        import tensorflow as tf
    if not loud:
        import logging

        from absl import logging as absl_logging

        tf.get_logger().setLevel(logging.ERROR)
        absl_logging.set_verbosity(absl_logging.ERROR)
    tf.config.experimental.enable_op_determinism()


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


def exit_status(work, program, debug=False, again=AGAIN):
    """Calls a function, and turns what it raises into an exit status.

    Args:
        work: Function without arguments; gives an exit status or `None`.
        program: Name that begins the line about an error.
        debug: Whether an expected error shows its traceback all the same.
        again: What happens when the program is run again after Ctrl-C.

    Returns:
        0 for success; 1 for an error that a user can do something about, 2
        for flags that are not understood, 130 after Ctrl-C. Errors beyond
        these are faults of the program and raised.
    """
    from absl import flags

    try:
        return work() or SUCCESS
    except KeyboardInterrupt:
        return end(f"\nStopped. {again}", INTERRUPTED)
    except flags.Error as error:
        return end(f"{program}: {error}", MISUNDERSTOOD)
    except (ValueError, OSError, ImportError) as error:
        return explained(error, program, debug, again)
    except Exception as error:
        from nfs_keras.serving import ServerError

        if not isinstance(error, ServerError):
            raise
        return explained(error, program, debug, again)


def explained(error, program, debug, again):
    """Prints an error that a user can do something about."""
    if debug:
        raise error
    full = getattr(error, "errno", None) == errno.ENOSPC
    advice = f". Make room. {again}" if full else ""
    return end(f"{program}: {error}{advice}", FAILURE)


def end(line, status):
    """Prints a line on standard error, and gives the status back."""
    print(line, file=sys.stderr)
    return status
