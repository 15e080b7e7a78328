"""Runs programs as a user does: each in a process of its own.

The processes are forks, see `fork_server.py`, unless a test is about how a
process begins.
"""

import contextlib
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import tempfile

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
        self.status = None
        self.folder = tempfile.TemporaryDirectory()
        self.files = [
            pathlib.Path(self.folder.name, name) for name in ("out", "err")
        ]
        for file in self.files:
            file.touch()
        request = {
            "words": [str(word) for word in words],
            "folder": str(cwd or os.getcwd()),
            "environment": complete(environment),
            "output": str(self.files[0]),
            "errors": str(self.files[1]),
        }
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(os.environ["FORK_SERVER"])
            # Unbuffered, for `select` to see what has not been read.
            self.answers = connection.makefile("rwb", buffering=0)
        self.answers.write(json.dumps(request).encode() + b"\n")
        self.pid = int(self.answers.readline())

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.send_signal(signal.SIGKILL)
        self.wait()
        self.answers.close()
        self.folder.cleanup()

    def poll(self, seconds=0):
        """Returns its exit status, or `None` while it runs."""
        if self.status is None:
            if select.select([self.answers], [], [], seconds)[0]:
                self.status = int(self.answers.readline())
        return self.status

    def wait(self, timeout=None):
        """Waits for its end; returns its exit status."""
        if self.poll(timeout) is None:
            raise subprocess.TimeoutExpired(str(self.files), timeout)
        return self.status

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


@contextlib.contextmanager
def fork_server():
    """Runs the process that is forked, for us and for our children."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FORK_SERVER"] = os.path.join(folder, "socket")
        file = pathlib.Path(__file__).with_name("fork_server.py")
        with subprocess.Popen(
            [sys.executable, str(file)],
            env=complete({"OMP_NUM_THREADS": "1"}),  # read as it imports
            stdin=subprocess.PIPE,  # it ends when this is closed
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            process.stdout.readline()  # it listens
            yield
            process.communicate()
