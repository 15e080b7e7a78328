"""The folder of a run, read part by part."""

import csv
import json
import pathlib
import zipfile
from typing import NamedTuple

import numpy as np

from nfs_keras.datasets.sample import Sample
from nfs_keras.search.architecture import Architecture

SYNTHETIC = (
    "Synthetic people: these scores cannot be compared with published ones."
)
UNREADABLE = (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile)


class Embeddings(NamedTuple):
    """The embedded test images of one network."""

    path: np.ndarray  # (N,) str
    identity: np.ndarray  # (N,) int
    camera: np.ndarray  # (N,) int
    modality: np.ndarray  # (N,) "visible" | "infrared"
    embedding: np.ndarray  # (N, D) float

    def take(self, rows):
        """Gives the embeddings at some positions, or where a mask is true."""
        return Embeddings(*(array[rows] for array in self))

    def of(self, modality):
        """Gives the embeddings of one modality."""
        return self.take(self.modality == modality)

    def sample(self, position):
        """Gives what is known of an image, without its embedding."""
        return Sample(*(array[position].item() for array in self[:4]))


class Run:
    """Reads the folder of a run; every part of it may be absent.

    Args:
        directory: Path of the folder.
        name: String that names the run to its readers. Defaults to the name
            of the folder.

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

    def embeddings(self, row):
        """Reads the embeddings of one network, or gives `None`."""
        file = f"embeddings/{row}.npz"
        return self._part(file, read_embeddings) or None

    def last_embeddings(self):
        """Reads the embeddings of the last network, or gives `None`."""
        names = self.embedding_names
        return self.embeddings(names[-1]) if names else None

    def why(self, part):
        """Says why a part is missing: `gates.npz was not written`."""
        return f"{part} was {self.missing.get(part, 'empty')}"

    @property
    def dataset(self):
        """Dict of the dataset: name, root, trial, fingerprint, statistics."""
        return self.info.get("dataset") or {}

    @property
    def synthetic(self):
        """Whether the images are synthetic."""
        return bool(self.dataset.get("synthetic"))

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
            raise ValueError(
                "A run is a folder with at least one part of a run in it. "
                f"Received: directory={str(self.directory)!r}. "
                "Pass the folder that holds run.json."
            )


def read_json(file) -> dict:
    """Reads a JSON object."""
    content = json.loads(file.read_text("utf-8"))
    if not isinstance(content, dict):
        raise ValueError("no JSON object")
    return content


def read_history(file) -> dict:
    """Reads the curves of every stage; a metric without values is left out."""
    with file.open(encoding="utf-8", newline="") as lines:
        table = list(csv.DictReader(lines))
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
    """Reads the choice of an architecture as arrays."""
    cells = {}
    for name, mask in Architecture.load(file).masks.items():
        cell, level = split_name(name)
        cells.setdefault(cell, {})[level] = mask
    return cells


def split_name(name):
    """Splits a gate's name, `stage1_channel`, into its cell and its level."""
    cell, _, level = name.replace("/", "_").rpartition("_")
    return cell, level


def read_calibration(file) -> dict:
    """Reads the calibration of each direction."""
    return read_json(file)["directions"]


def read_rows(file) -> list:
    """Reads the evaluated networks."""
    return [row for row in read_json(file)["rows"] if row["name"]]


def read_embeddings(file) -> Embeddings:
    """Reads the embeddings of one network."""
    with np.load(file, allow_pickle=False) as arrays:
        return Embeddings(*(arrays[name] for name in Embeddings._fields))
