"""Runs programs in forks of one process that has imported TensorFlow.

That import takes five seconds, a fork none. Nothing but TensorFlow and Keras
is imported here, and neither has computed anything: but for `quick_graphs`, a
fork is what a new process is after these imports. `programs.py` connects to
the socket, once for each program, and writes one line; the answers are a
process id and, when that has ended, its exit status.
"""

import functools
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
import types
from contextlib import suppress


def main():
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.environ["FORK_SERVER"])
        listener.listen()
        print("listening", flush=True)
        serve(listener)


def serve(listener):
    """Forks for each line, until standard input is closed."""
    running = {}
    while True:
        wait = 0.02 if running else None
        ready, _, _ = select.select([0, listener], [], [], wait)
        if 0 in ready:
            return
        if listener in ready:
            with listener.accept()[0] as accepted:
                connection = accepted.makefile("rwb", buffering=0)
            request = json.loads(connection.readline())
            prepare()
            process = os.fork()
            if process == 0:
                for each in (listener, connection, *running.values()):
                    each.close()
                become(**request)
                return  # Python ends as it always does
            running[process] = connection
            connection.write(b"%d\n" % process)
        while running:
            process, status = os.waitpid(-1, os.WNOHANG)
            if not process:
                break
            # A test process that has died must not take the others' along.
            with running.pop(process) as connection, suppress(BrokenPipeError):
                connection.write(b"%d\n" % os.waitstatus_to_exitcode(status))


@functools.cache
def prepare():
    """Imports what all forks have, when the first is asked for."""
    gc.set_threshold(50_000)  # a sixth of an import is the search for garbage
    import keras  # noqa: F401

    quick_graphs()
    gc.freeze()  # else each fork copies all of it, to look for garbage
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def quick_graphs():
    """Leaves graphs as they are traced: a test runs them once or twice."""
    import tensorflow as tf

    options = {"disable_meta_optimizer": True}
    tf.config.optimizer.set_experimental_options(options)


def become(words, folder, environment, output, errors):
    """Makes this process the one that `python <words>` would be."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for descriptor, path in enumerate((os.devnull, output, errors)):
        opened = os.open(path, os.O_RDWR | os.O_APPEND)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path[0] = folder
    sys.path[1:1] = environment["PYTHONPATH"].split(os.pathsep)
    first, *sys.argv = words
    if first == "-c":
        code, sys.argv[0] = sys.argv[0], "-c"
        sys.modules["__main__"] = module = types.ModuleType("__main__")
        exec(compile(code, "<string>", "exec"), vars(module))
    elif first == "-m":
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(first)
        sys.argv = words
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    main()
