"""Keeps the newest version of a model loaded."""

import pathlib
import threading

from absl import logging

from nfs_keras.serving.stand_in.request_error import RequestError


class VersionWatcher:
    """Looks into a folder of versions and loads the newest.

    A new version is loaded and warmed up beside the old one, then takes its
    place between two requests; those that run on the old one end there. A
    version that cannot be loaded is reported, and the old one goes on.

    Args:
        directory: Directory of all versions of a model.
        load: Callable from the path of a version to a `Servable`.
        poll_seconds: How long to wait between two looks.
    """

    def __init__(self, directory, load, poll_seconds=1.0):
        self.directory = pathlib.Path(directory)
        self.load = load
        self.poll_seconds = poll_seconds
        self.failures = {}  # from version to what went wrong
        self._servable = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self):
        """Loads the newest version, then watches from a thread."""
        self.look()
        self._thread.start()

    def stop(self):
        """Stops watching."""
        self._stop.set()
        self._thread.join()

    def servable(self, version=None):
        """Returns the loaded `Servable`.

        Args:
            version: The version that it must be, or `None` for any.

        Raises:
            RequestError: If no version, or another one, is loaded.
        """
        servable = self._servable
        if servable is None or version not in (None, servable.version):
            wanted = "Latest" if version is None else f"Specific({version})"
            message = f"Servable not found for request: {wanted}"
            raise RequestError("NOT_FOUND", message)
        return servable

    @property
    def is_available(self):
        """Whether a version is loaded."""
        return self._servable is not None

    def look(self):
        """Loads the newest version, unless it is loaded or cannot be."""
        current = self._servable.version if self._servable else 0
        paths = self.directory.glob("*/saved_model.pb")
        versions = {
            int(p.parent.name) for p in paths if p.parent.name.isdigit()
        }
        newer = {v for v in versions - set(self.failures) if v > current}
        if not newer:
            return
        version = max(newer)
        try:
            self._servable = self.load(self.directory / str(version))
            logging.info("Version %d is available.", version)
        # A folder may hold anything; the server must live on.
        except Exception as error:
            self.failures[version] = f"{type(error).__name__}: {error}"
            logging.error("Version %d: %s", version, self.failures[version])

    def _watch(self):
        while not self._stop.wait(self.poll_seconds):
            self.look()
