"""The folder of a run: what it is, what is done, and where things are.

`RunFolder` is the run while it is at work; `nfs_keras.report.Run` reads the
same files afterwards.
"""

import contextlib
import csv
import datetime
import fcntl
import json
import pathlib
import platform
import shlex
import sys
import time

import keras
import numpy as np

from nfs_keras.files import (
    PARTIAL,
    remove_partial_files,
    replace_file,
    replace_path,
)

# What the networks are called in tables, and their files.
NETWORKS = {
    "baseline": "baseline.keras",
    "searched": "searched.keras",
    "compacted": "model.keras",
}
EMBEDDED = ("path", "identity", "camera", "modality", "embedding")
LOCK = ".lock"


class RunFolder:
    """Keeps what a run has finished, so that a second start resumes it.

    `run.json` holds the options that make the run what it is, and the stages
    that are done. A stage that is done is not done again; a start with other
    options is refused, and so is a second one while the first still works.
    What a killed start has left half-written is removed.

    Args:
        path: The folder; made if absent.
        options: Dict of JSON values: all that changes the run's results.
        **facts: More to write into `run.json` at the first start, such as
            `dataset` and `versions`.

    Raises:
        ValueError: If the folder holds a run with other options, files that
            are no run, or a run that is at work.
    """

    def __init__(self, path, options, **facts):
        self.path = pathlib.Path(path)
        file = self / "run.json"
        if not file.exists():
            self._check_empty()
        self._lock = lock(self.path)
        if file.exists():
            self.content = json.loads(file.read_text("utf-8"))
            try:
                self._check_same(json.loads(json.dumps(options)))
            except ValueError:
                self._lock.close()
                raise
        else:
            self.content = {
                "command": sys.argv,
                "options": options,
                **facts,
                "versions": {"python": platform.python_version()}
                | facts.get("versions", {}),
                "started": now(),
                "stages": {},
                "spent": {},
            }
            self._write()
        remove_partial_files(self.path)
        self._log(f"--- {now()} {shlex.join(sys.argv)}")

    def __truediv__(self, name):
        return self.path / name

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._lock.close()

    @contextlib.contextmanager
    def stage(self, name, title):
        """Runs a stage unless it is done: `if` what it yields is true.

        An error or a kill inside leaves the stage undone. The seconds that
        are noted are those of all starts that ended with an exception or
        finished; a killed one counts what its epochs took, see history.csv.
        """
        todo = name not in self.content["stages"]
        self.say(f"{'==>' if todo else '    done before:'} {title}")
        start = time.monotonic()
        try:
            yield todo
        except BaseException:
            self._spend(name, start)
            raise
        if todo:
            seconds = self._spend(name, start)
            self.content["stages"][name] = {"seconds": seconds}
            self._write()

    def _spend(self, name, start):
        """Adds what a stage took in this start; gives the sum."""
        spent = self.content.setdefault("spent", {})
        seconds = spent.get(name, 0.0) + time.monotonic() - start
        spent[name] = round(seconds, 1)
        self._write()
        return spent[name]

    def say(self, text):
        """Prints lines, and keeps them in `log.txt`."""
        print(text, flush=True)
        self._log(text)

    def networks(self):
        """Names of the networks that are there, in order."""
        return [n for n, file in NETWORKS.items() if (self / file).exists()]

    def save_network(self, name, network):
        """Saves a network in the folder, whole or not at all."""
        with replace_path(self / NETWORKS[name]) as partial:
            network.save(partial)

    def load_network(self, name):
        """Loads what `save_network` saved."""
        return keras.models.load_model(self / NETWORKS[name])

    def save_embeddings(self, name, embedded):
        """Saves what a network makes of the test images.

        Args:
            name: One of `NETWORKS`.
            embedded: Dict of `EMBEDDED` to arrays with a row for each image.
        """
        with replace_file(self / "embeddings" / f"{name}.npz") as file:
            np.savez_compressed(file, **embedded)

    def load_embeddings(self, name):
        """Loads what `save_embeddings` saved."""
        return read_embeddings(self / "embeddings" / f"{name}.npz")

    def cpu_seconds(self, stages):
        """Processor seconds of all epochs that some stages trained."""
        rows = read_history_rows(self / "history.csv")
        return sum(
            float(row["cpu_seconds"]) for row in rows if row["stage"] in stages
        )

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
                "A run resumes with the options that it was started with. "
                f"Received for {str(self.path)!r}: {', '.join(others)}. "
                "Use the same options, or name another folder."
            )

    def _check_empty(self):
        entries = self.path.iterdir() if self.path.is_dir() else []
        ours = (PARTIAL, LOCK)
        if any(not entry.name.startswith(ours) for entry in entries):
            raise ValueError(
                "A run starts in a new folder or resumes in its own. "
                f"Received: output={str(self.path)!r}, which holds files but "
                "no run.json. Name another folder."
            )

    def _log(self, text):
        with (self / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")

    def _write(self):
        self.write_json("run.json", self.content)


def read_history_rows(file):
    """List of the rows of a `history.csv`, dicts of strings."""
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def read_embeddings(file):
    """Reads an `embeddings/*.npz`: dict of arrays, a row for each image."""
    with np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in EMBEDDED}


def lock(folder):
    """Holds a folder's lock, as an open file; a dead process holds none.

    Raises:
        ValueError: If another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / LOCK).open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise ValueError(
            "One process at a time works on a run. "
            f"Received: output={str(folder)!r}, where another one is at work. "
            "Wait for it, stop it, or name another folder."
        ) from error
    return file


def now():
    """The time in UTC, to the second, as ISO 8601 writes it."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
