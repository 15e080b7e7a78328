"""Keeps the newest versions of a model loaded."""

import pathlib
import threading

from absl import logging

from nfs_keras.serving.stand_in.servable import RequestError

NUM_VERSIONS = 2  # as in `models.config`


class VersionWatcher:
    """Watches a folder of versions and loads the newest.

    A new version is loaded and warmed up beside the old ones, and then answers
    requests without a version. Requests for an older version are answered as
    long as it is among the newest `num_versions`. A version whose folder is
    removed is unloaded, and the one before it answers again. A version that
    cannot be loaded is reported, and tried again when its files have changed.

    Args:
        directory: Directory of all versions of a model.
        load: Callable from the path of a version to a `Servable`.
        poll_seconds: Seconds between two checks of the folder.
        num_versions: How many of the newest versions to keep loaded.
    """

    def __init__(
        self, directory, load, poll_seconds=1.0, num_versions=NUM_VERSIONS
    ):
        self.directory = pathlib.Path(directory)
        self.load = load
        self.poll_seconds = poll_seconds
        self.num_versions = num_versions
        self.states = {}  # from version to its state and its error
        self._servables = {}
        self._failed = {}  # from version to the files that could not be loaded
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self):
        """Loads the newest versions, then watches from a thread."""
        self.look()
        self._thread.start()

    def stop(self):
        """Stops watching."""
        self._stop.set()
        self._thread.join()

    def servable(self, version=None):
        """Returns a loaded `Servable`.

        Args:
            version: The version to return, or `None` for the newest.

        Raises:
            RequestError: If the version is not loaded, or none is.
        """
        servables = self._servables
        if version is None and servables:
            return servables[max(servables)]
        if version not in servables:
            wanted = "Latest" if version is None else f"Specific({version})"
            message = f"Servable not found for request: {wanted}"
            raise RequestError("NOT_FOUND", message)
        return servables[version]

    def look(self):
        """Loads the newest versions and unloads all others."""
        try:
            children = list(self.directory.iterdir())
        except OSError as error:  # perhaps for a moment: keep what is loaded
            logging.error("%s", error)
            return
        paths = {int(p.name): p for p in children if p.name.isdecimal()}
        newest = sorted(paths, reverse=True)[: self.num_versions]
        for version in newest:
            if version not in self._servables:
                self._load(version, paths[version])
        # An old version stays until a new one can replace it.
        if not newest or any(version in self._servables for version in newest):
            for version in set(self._servables) - set(newest):
                self._unload(version)

    def _load(self, version, path):
        files = None
        try:
            files = describe_files(path)
            if self._failed.get(version) == files:
                return
            self.states[version] = ("LOADING", "")
            servable = self.load(path)
            self._servables = {**self._servables, version: servable}
            self.states[version] = ("AVAILABLE", "")
            self._failed.pop(version, None)
            logging.info("Version %d is available.", version)
        # A folder may contain anything; the server must continue.
        except Exception as error:
            self._failed[version] = files
            self.states[version] = ("END", f"{type(error).__name__}: {error}")
            logging.error("Version %d: %s", version, error)

    def _unload(self, version):
        left = dict(self._servables)
        del left[version]
        self._servables = left  # requests that run keep theirs to the end
        self.states[version] = ("END", "")
        logging.info("Version %d is unloaded.", version)

    def _watch(self):
        while not self._stop.wait(self.poll_seconds):
            self.look()


def describe_files(path):
    """Describes a folder's files, to detect a change of any of them."""
    found = []
    for file in path.rglob("*"):
        try:
            status = file.stat()
        except FileNotFoundError:  # moved while it is copied
            continue
        found.append((str(file), status.st_size, status.st_mtime_ns))
    return sorted(found)
