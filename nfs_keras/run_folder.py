"""The folder of a run: its options, its finished stages and its files.

`RunFolder` writes the folder during the run; `nfs_keras.report.Run` reads the
same files afterwards.
"""

import contextlib
import csv
import datetime
import json
import pathlib
import platform
import shlex
import sys
import time

import keras
import numpy as np

from nfs_keras.files import (
    LOCK,
    PARTIAL,
    lock,
    remove_partial_files,
    replace_file,
    replace_path,
)

# The networks' names in tables, and their files.
NETWORKS = {
    "baseline": "baseline.keras",
    "searched": "searched.keras",
    "compacted": "model.keras",
}
EMBEDDED = ("path", "identity", "camera", "modality", "embedding")


class RunFolder:
    """Records the finished stages of a run, so that a second start resumes it.

    `run.json` holds the options that determine the run's results, and the
    finished stages. A finished stage is not run again. A start with other
    options raises an error, and so does a second start while the first is
    running. Incomplete files of a killed start are removed.

    Args:
        path: The folder; made if absent.
        options: Dict of JSON values: all options that change the results.
        **facts: More entries of `run.json`, written at the first start, such
            as `dataset` and `versions`.

    Raises:
        ValueError: If the folder holds a run with other options, a run that
            another process is running, or files that are no run.
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
        """Yields whether a stage is to run, and records it when it is done.

        After an error or a kill inside, the stage is not done. The recorded
        seconds are those of all starts that finished or ended with an
        exception; for a killed start see the epochs in history.csv.
        """
        todo = name not in self.content["stages"]
        self.print(f"{'==>' if todo else '    done before:'} {title}")
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
        """Adds the seconds of a stage in this start, and returns the sum."""
        spent = self.content.setdefault("spent", {})
        seconds = spent.get(name, 0.0) + time.monotonic() - start
        spent[name] = round(seconds, 1)
        self._write()
        return spent[name]

    def print(self, text):
        """Prints text, and appends it to `log.txt`."""
        print(text, flush=True)
        self._log(text)

    def networks(self):
        """List of the names of the saved networks, in a fixed order."""
        return [n for n, file in NETWORKS.items() if (self / file).exists()]

    def save_network(self, name, network):
        """Saves a network in the folder, completely or not at all."""
        with replace_path(self / NETWORKS[name]) as partial:
            network.save(partial)

    def load_network(self, name):
        """Loads a network that `save_network` saved."""
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
        """Float. Processor seconds of all epochs of the given stages."""
        rows = read_history_rows(self / "history.csv")
        return sum(
            float(row["cpu_seconds"]) for row in rows if row["stage"] in stages
        )

    def read_json(self, name):
        """Reads a JSON file of the folder."""
        return json.loads((self / name).read_text("utf-8"))

    def write_json(self, name, content):
        """Writes a JSON file into the folder, completely or not at all."""
        with replace_file(self / name, "w") as file:
            json.dump(content, file, indent=2)

    def write_text(self, name, text):
        """Writes a text file into the folder, completely or not at all."""
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
    """Reads the rows of a `history.csv`, as dicts of strings."""
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def read_embeddings(file):
    """Reads an `embeddings/*.npz`: dict of arrays, a row for each image."""
    with np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in EMBEDDED}


def now():
    """Returns the time in UTC, to the second, in ISO 8601 format."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
