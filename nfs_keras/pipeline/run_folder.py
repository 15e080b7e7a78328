"""The folder of a run: what it is, what is done, and where things are."""

import contextlib
import datetime
import json
import pathlib
import platform
import shlex
import sys
import time

from nfs_keras.files import PARTIAL, remove_partial_files, replace_file


class RunFolder:
    """Keeps what a run has finished, so that a second start goes on.

    `run.json` holds the options that make the run what it is, and the stages
    that are done. A stage that is done is not done again; a start with other
    options is refused. What a killed start has left half-written is removed.

    Args:
        path: The folder; made if absent.
        options: Dict of JSON values: all that changes the run's results.
        **facts: More to write into `run.json` at the first start, such as
            `dataset` and `versions`.

    Raises:
        ValueError: If the folder holds a run with other options, or files
            that are no run.
    """

    def __init__(self, path, options, **facts):
        self.path = pathlib.Path(path)
        file = self / "run.json"
        if file.exists():
            self.content = json.loads(file.read_text("utf-8"))
            self._check_same(json.loads(json.dumps(options)))
        else:
            self._check_empty()
            self.content = {
                "command": sys.argv,
                "options": options,
                **facts,
                "versions": {"python": platform.python_version()}
                | facts.get("versions", {}),
                "started": now(),
                "stages": {},
            }
            self._write()
        remove_partial_files(self.path)
        self._log(f"--- {now()} {shlex.join(sys.argv)}")

    def __truediv__(self, name):
        return self.path / name

    @contextlib.contextmanager
    def stage(self, name, title):
        """Runs a stage unless it is done: `if` what it yields is true.

        An error or a kill inside leaves the stage undone.
        """
        todo = name not in self.content["stages"]
        self.say(f"{'==>' if todo else '    done before:'} {title}")
        start = time.monotonic()
        yield todo
        if todo:
            seconds = round(time.monotonic() - start, 1)
            self.content["stages"][name] = {"seconds": seconds}
            self._write()

    def say(self, text):
        """Prints lines, and keeps them in `log.txt`."""
        print(text, flush=True)
        self._log(text)

    def read_json(self, name):
        """Reads a JSON file of the folder."""
        return json.loads((self / name).read_text("utf-8"))

    def write_json(self, name, content):
        """Writes a JSON file into the folder, whole or not at all."""
        with replace_file(self / name, "w") as file:
            json.dump(content, file, indent=2)

    def write_text(self, name, text):
        """Writes a text file into the folder, whole or not at all."""
        with replace_file(self / name, "w") as file:
            file.write(text)

    def _check_same(self, options):
        before = self.content["options"]
        others = [
            f"{key}={options.get(key)!r} (before: {before.get(key)!r})"
            for key in sorted({*before, *options})
            if before.get(key) != options.get(key)
        ]
        if others:
            raise ValueError(
                "A run goes on with the options that it was started with. "
                f"Received for {str(self.path)!r}: {', '.join(others)}. "
                "Use the same options, or name another folder."
            )

    def _check_empty(self):
        entries = self.path.iterdir() if self.path.is_dir() else []
        if any(not entry.name.startswith(PARTIAL) for entry in entries):
            raise ValueError(
                "A run starts in a new folder or goes on in its own. "
                f"Received: output={str(self.path)!r}, which holds files but "
                "no run.json. Name another folder."
            )

    def _log(self, text):
        with (self / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")

    def _write(self):
        self.write_json("run.json", self.content)


def now():
    """The time in UTC, to the second, as ISO 8601 writes it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
