"""How a program ends: an exit status, and one line if something is wrong."""

import errno
import sys

from absl import flags

from nfs_keras.serving import ServerError

SUCCESS, FAILURE, MISUNDERSTOOD = 0, 1, 2
INTERRUPTED = 130  # as shells report a program that Ctrl-C has ended
EXPECTED = (ValueError, OSError, ImportError, ServerError)


def exit_status(work, program, debug=False):
    """Calls a function, and turns what it raises into an exit status.

    Args:
        work: Function without arguments; gives an exit status or `None`.
        program: Name that begins the line about an error.
        debug: Whether an expected error shows its traceback all the same.

    Returns:
        0 for success; 1 for an error that a user can do something about, 2
        for flags that are not understood, 130 after Ctrl-C. Errors beyond
        these are faults of the program and raised.
    """
    try:
        return work() or SUCCESS
    except KeyboardInterrupt:
        line = "Stopped. The same command goes on where this one stopped."
        return tell(f"\n{line}", INTERRUPTED)
    except flags.Error as error:
        return tell(f"{program}: {error}", MISUNDERSTOOD)
    except EXPECTED as error:
        if debug:
            raise
        full = getattr(error, "errno", None) == errno.ENOSPC
        advice = ". Make room; the same command goes on." if full else ""
        return tell(f"{program}: {error}{advice}", FAILURE)


def tell(line, status):
    """Prints a line on standard error, and gives the status back."""
    print(line, file=sys.stderr)
    return status
