"""Runs programs as a user does: each in a process of its own.

The processes are forks, see `fork_server.py`, unless a test is about how a
process begins.
"""

import atexit
import contextlib
import functools
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"


SMALL = pathlib.Path(__file__).with_name("small_smoke.py")


def run_example(name, *words, cwd=None):
    """Runs `python examples/<name> <words>`."""
    return run([EXAMPLES / name, *words], cwd)


def run_verb(*words, cwd=None):
    """Runs `nfs-reid <words>`, its `--smoke` on less."""
    return run([SMALL, "budget", "-m", "nfs_keras", *words], cwd)


def run(words, cwd=None, timeout=1500, check=False, **environment):
    """Runs `python <words>` in a fork.

    Returns:
        `subprocess.CompletedProcess` with what it returned and printed.
    """
    with Program(words, cwd, **environment) as program:
        status = program.wait(timeout)
        ended = subprocess.CompletedProcess(words, status, *program.printed())
    if check and status:
        raise AssertionError(f"{words} ended with {status}: {ended.stderr}")
    return ended


def run_anew(words, cwd=None, timeout=1500, **environment):
    """Runs `python <words>` in a process that has imported nothing."""
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        env=complete(environment),
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def complete(environment):
    """The environment of a program: ours, and the package's place."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **environment}


class Program:
    """A program that runs in a fork, with the methods of `Popen`.

    As a context it is killed if it has not ended.
    """

    def __init__(self, words, cwd=None, **environment):
        self.folder = tempfile.TemporaryDirectory()
        self.files = [
            pathlib.Path(self.folder.name, name) for name in ("out", "err")
        ]
        for file in self.files:
            file.touch()
        self.server = fork_server()
        self.pid = self.server.start(
            words=[str(word) for word in words],
            folder=str(cwd or os.getcwd()),
            environment=complete(environment),
            output=str(self.files[0]),
            errors=str(self.files[1]),
        )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.send_signal(signal.SIGKILL)
        self.wait()
        self.folder.cleanup()

    def poll(self):
        """Returns its exit status, or `None` while it runs."""
        self.server.read_ends(0)
        return self.server.ended.get(self.pid)

    def wait(self, timeout=float("inf")):
        """Waits for its end; returns its exit status."""
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired(str(self.files), timeout)
            self.server.read_ends(min(left, 60))
        return self.poll()

    def send_signal(self, number):
        """Sends it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def printed(self):
        """Returns what it has written to standard output and error."""
        return [file.read_text("utf-8") for file in self.files]


def free_ports(number):
    """Lists ports of this machine that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@functools.cache
def fork_server():
    """Starts the process that is forked, once."""
    return ForkServer()


class ForkServer:
    """Talks with `fork_server.py`; `ended` has exit statuses by process id."""

    def __init__(self):
        file = pathlib.Path(__file__).with_name("fork_server.py")
        self.ended = {}
        self.process = subprocess.Popen(
            [sys.executable, str(file)],
            env=complete({"TF_CPP_MIN_LOG_LEVEL": "3"}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,  # `select` sees what has not been read
        )
        atexit.register(self.process.communicate)

    def start(self, **request):
        """Starts a program; returns its process id."""
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        while (started := self.read()) is None:
            pass
        self.ended.pop(started, None)  # of a process that had this number
        return started

    def read_ends(self, seconds):
        """Waits for some seconds at most until a program ends."""
        if select.select([self.process.stdout], [], [], seconds)[0]:
            self.read()

    def read(self):
        """Reads an answer; returns the id of a program that has started."""
        process, *status = map(int, self.process.stdout.readline().split())
        if not status:
            return process
        self.ended[process] = status[0]
        return None
