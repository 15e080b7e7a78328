"""Reads the folder of a run part by part, whatever is missing in it."""

import json
import pathlib
import zipfile

import numpy as np

from nfs_keras.datasets.sample import Sample
from nfs_keras.evaluation.protocol import NAMED_PROTOCOLS, REGDB, Protocol
from nfs_keras.run_folder import read_embeddings, read_history_rows
from nfs_keras.search.architecture import Architecture

UNREADABLE = (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile)


class Run:
    """Reads the folder of a run; every part of it may be absent.

    Args:
        directory: Path of the folder.
        name: String that names the run in tables. Defaults to the name of
            the folder.

    Raises:
        ValueError: If `directory` is no folder, or holds no part of a run.

    Attributes:
        info: Dict of `run.json`: command, options, versions, dataset, stages.
        history: Dict of stage to dict of metric to float array `(epochs,)`.
        gates: Dict of gate name to logits `(epochs, modalities, ...)`.
        cells: Dict of cell to dict of level to boolean array `(2, ...)`.
        rows: List of dicts, one per network that was evaluated.
        calibration: Dict of direction to dict with a `"threshold"`.
        embedding_names: List of the networks whose embeddings were kept.
        missing: Dict of the parts that could not be read to the reason.
    """

    def __init__(self, directory, name=None):
        self.directory = pathlib.Path(directory)
        self.name = name or self.directory.resolve().name
        self.missing = {}
        self.info = self._part("run.json", read_json)
        self.history = self._part("history.csv", read_history)
        self.gates = self._part("gates.npz", read_gates)
        self.cells = self._part("architecture.json", read_cells)
        self.rows = list(self._part("metrics.json", read_rows))
        self.calibration = self._part("calibration.json", read_calibration)
        self.embedding_names = self._find_embeddings()
        self._check_there_is_something()

    def embeddings(self, network):
        """Reads the embedded test images of a network.

        Args:
            network: One of `embedding_names`.

        Returns:
            Dict of arrays with a row for each image: `path`, `identity`,
            `camera`, `modality` and `embedding`; `None` if unreadable.
        """
        file = f"embeddings/{network}.npz"
        return self._part(file, read_embeddings) or None

    def last_embeddings(self):
        """Reads those of the last network; `None` if there are none."""
        names = self.embedding_names
        return self.embeddings(names[-1]) if names else None

    def describe_missing(self, part):
        """States why a part is missing: `gates.npz was not written`."""
        return f"{part} was {self.missing.get(part, 'empty')}"

    @property
    def dataset(self):
        """Dict of the dataset: name, root, trial, fingerprint, statistics."""
        return self.info.get("dataset") or {}

    @property
    def synthetic(self):
        """Whether the images are synthetic."""
        return bool(self.dataset.get("synthetic"))

    @property
    def protocol(self):
        """`Protocol` with the camera rules of the test."""
        rules = self.info.get("protocol")
        if rules is None:  # a run of an earlier version
            return NAMED_PROTOCOLS.get(self.dataset.get("name"), REGDB)
        names = ("name", "excluded", "excludes_same_camera")
        return Protocol(**{name: rules[name] for name in names})

    def _part(self, name, read):
        """Reads one file; notes the reason and gives `{}` where it cannot."""
        file = self.directory / name
        if not file.is_file():
            self.missing[name] = "not written"
            return {}
        try:
            return read(file)
        except UNREADABLE as error:
            self.missing[name] = f"unreadable: {error}"
            return {}

    def _find_embeddings(self):
        """Names the networks with embeddings, in the order of evaluation."""
        names = {x.stem for x in self.directory.glob("embeddings/*.npz")}
        if not names:
            self.missing["embeddings/"] = "not written"
        order = [row["name"] for row in self.rows]
        return sorted(names - {*order}) + [x for x in order if x in names]

    def _check_there_is_something(self):
        parts = (self.info, self.history, self.gates, self.cells, self.rows)
        if not any((*parts, self.calibration, self.embedding_names)):
            reasons = "; ".join(map(self.describe_missing, self.missing))
            raise ValueError(
                "A run is a folder with at least one part of a run in it. "
                f"Received: directory={str(self.directory)!r}, where "
                f"{reasons}. "
                "Pass the folder that holds run.json."
            )


def select(embedded, rows):
    """Selects some of the embedded images, by positions or by a mask."""
    return {name: array[rows] for name, array in embedded.items()}


def select_modality(embedded, modality):
    """Selects the embedded images of one modality."""
    return select(embedded, embedded["modality"] == modality)


def sample_at(embedded, position):
    """Gives one embedded image as a `Sample`, without its embedding."""
    return Sample(*(embedded[x][position].item() for x in Sample._fields))


def read_json(file) -> dict:
    """Reads a JSON object."""
    content = json.loads(file.read_text("utf-8"))
    if not isinstance(content, dict):
        raise ValueError("no JSON object")
    return content


def read_history(file) -> dict:
    """Reads the curves of every stage, without metrics that it lacks."""
    table = read_history_rows(file)
    history = {}
    for stage in dict.fromkeys(line["stage"] for line in table):
        own = [line for line in table if line["stage"] == stage]
        history[stage] = {
            metric: values
            for metric in own[0]
            if metric not in ("stage", "epoch", None)
            and np.isfinite(values := column(own, metric)).any()
        }
    return history


def column(lines, metric):
    """Gives one metric of all lines; NaN where it is empty."""
    return np.array([float(line[metric] or "nan") for line in lines])


def read_gates(file) -> dict:
    """Reads the logits of every gate, without the temperature."""
    with np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays if name != "temperature"}


def read_cells(file) -> dict:
    """Reads the masks of an architecture by cell and level."""
    cells = {}
    for name, mask in Architecture.load(file).masks.items():
        # A gate is named `stage1_channel`: its cell, then its level.
        cell, _, level = name.replace("/", "_").rpartition("_")
        # A gate that both modalities share counts for each of them.
        both = np.broadcast_to(mask, (2, *mask.shape[1:]))
        cells.setdefault(cell, {})[level] = both
    return cells


def read_calibration(file) -> dict:
    """Reads the calibration of each direction."""
    return read_json(file)["directions"]


def read_rows(file) -> list:
    """Reads the evaluated networks."""
    return [row for row in read_json(file)["rows"] if row["name"]]
