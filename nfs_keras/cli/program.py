"""Runs a program: deterministically, without log lines of TensorFlow.

An error ends it with one line. Only a program's `main` sets these: importing a
module changes nothing.
"""

import _thread
import contextlib
import errno
import os
import signal
import sys
import threading

SUCCESS, FAILURE, MISUNDERSTOOD = 0, 1, 2
INTERRUPTED = 130  # as shells report a program that Ctrl-C has ended
AGAIN = "Run the same command again: finished results are kept."


def run(main, again=AGAIN):
    """Runs an absl program; an error or Ctrl-C ends it with one line.

    TensorFlow is made deterministic, so that the same seed gives the same
    result; its log lines are not shown.

    Args:
        main: Function of the list of arguments that are not flags.
        again: Sentence about running the program again after Ctrl-C.
    """
    from absl import app

    def prepared(words):
        prepare_tensorflow()  # absl's own logging has been set up before
        return main(words)

    status = exit_status(lambda: app.run(prepared), sys.argv[0], again=again)
    sys.exit(status)


def prepare_tensorflow():
    """Imports TensorFlow without its log lines, and makes it deterministic.

    Set `TF_CPP_MIN_LOG_LEVEL=0` to see them.
    """
    # Importing JAX, which TensorFlow does where it is installed, sets 1.
    loud = os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0"
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
    """Discards everything that Python or C++ writes to standard error."""
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
    """Ends the program at once on Ctrl-C, without a traceback of imports."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        yield  # ignored, as in the background, or someone else's
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def repeated_ctrl_c():
    """Repeats a Ctrl-C that Python has dropped.

    Python only prints an exception that is raised in a destructor or in a
    callback of the garbage collector, and the program would run on.
    """
    before = sys.unraisablehook

    def repeat(found):
        if isinstance(found.exc_value, KeyboardInterrupt):
            threading.Timer(0.01, _thread.interrupt_main).start()
        else:
            before(found)

    sys.unraisablehook = repeat
    try:
        yield
    finally:
        sys.unraisablehook = before


def exit_status(function, program, debug=False, again=AGAIN):
    """Calls a function, and converts its errors to an exit status.

    Args:
        function: Function without arguments; returns an exit status or `None`.
        program: Name that begins the line about an error.
        debug: Whether to raise an expected error, for its traceback.
        again: Sentence about running the program again after Ctrl-C.

    Returns:
        0 for success; 1 for an error that a user can correct, 2 for unknown
        flags, 130 after Ctrl-C. All other errors are faults of the program
        and raised.
    """
    from absl import flags

    try:
        with repeated_ctrl_c():
            return function() or SUCCESS
    except KeyboardInterrupt:
        return end(f"\nStopped. {again}", INTERRUPTED)
    except flags.Error as error:
        return end(f"{program}: {error}", MISUNDERSTOOD)
    except BrokenPipeError:  # whoever read the output has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except (ValueError, OSError, ImportError) as error:
        return explained(error, program, debug, again)
    except Exception as error:
        from nfs_keras.serving import ServerError

        if not isinstance(error, ServerError):
            raise
        return explained(error, program, debug, again)


def explained(error, program, debug, again):
    """Prints an error that a user can correct."""
    if debug:
        raise error
    full = getattr(error, "errno", None) == errno.ENOSPC
    advice = f". Free some disk space. {again}" if full else ""
    return end(f"{program}: {error}{advice}", FAILURE)


def end(line, status):
    """Prints a line on standard error, and returns the status."""
    print(line, file=sys.stderr)
    return status
