"""The folder of a run: what it is, what is done, and where things are."""

import contextlib
import datetime
import json
import pathlib
import platform
import sys
import time

from nfs_keras.files import replace_file


class RunFolder:
    """Keeps what a run has finished, so that a second start goes on.

    `run.json` holds the options that make the run what it is, and the stages
    that are done. A stage that is done is not done again; a start with other
    options is refused.

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
            return
        if self.path.is_dir() and any(self.path.iterdir()):
            raise ValueError(
                "A run starts in a new folder or goes on in its own. "
                f"Received: output={str(self.path)!r}, which holds files but "
                "no run.json. Name another folder."
            )
        self.content = {
            "command": sys.argv,
            "options": options,
            **facts,
            "versions": {"python": platform.python_version()}
            | facts.get("versions", {}),
            "started": datetime.datetime.now(datetime.UTC).isoformat(),
            "stages": {},
        }
        self._write()

    def __truediv__(self, name):
        return self.path / name

    def is_done(self, stage):
        """Whether a stage has been finished, by this start or an earlier."""
        return stage in self.content["stages"]

    @contextlib.contextmanager
    def stage(self, name, title):
        """Runs a stage unless it is done: `if` what it yields is true.

        An error or a kill inside leaves the stage undone.
        """
        todo = not self.is_done(name)
        self.say(f"{'==>' if todo else '    done before:'} {title}")
        start = time.monotonic()
        yield todo
        if todo:
            seconds = round(time.monotonic() - start, 1)
            self.content["stages"][name] = {"seconds": seconds}
            self._write()

    def say(self, line):
        """Prints a line, and keeps it in `log.txt`."""
        print(line, flush=True)
        with (self / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def write_json(self, name, content):
        """Writes a JSON file into the folder, whole or not at all."""
        with replace_file(self / name, "w") as file:
            json.dump(content, file, indent=2)

    def _check_same(self, options):
        before = self.content["options"]
        for key in sorted({*before, *options}):
            if before.get(key) != options.get(key):
                raise ValueError(
                    "A run goes on with the options that it was started with. "
                    f"Received: {key}={options.get(key)!r}, while "
                    f"{str(self.path)!r} was started with "
                    f"{key}={before.get(key)!r}. "
                    "Use the same options, or name another folder."
                )

    def _write(self):
        self.write_json("run.json", self.content)
