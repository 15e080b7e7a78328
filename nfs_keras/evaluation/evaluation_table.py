"""The table of scores that an evaluation returns."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nfs_keras.evaluation.retrieval_metrics import RetrievalMetrics
from nfs_keras.text_tables import format_table


@dataclass(frozen=True)
class EvaluationRow:
    """One setting, scored on each of its trials.

    Args:
        name: The setting, for example `"visible to infrared"`.
        trials: Trial number to `RetrievalMetrics`.
        direction: `"visible_to_infrared"` or `"infrared_to_visible"`.
    """

    name: str
    trials: dict[int, RetrievalMetrics]
    direction: str = ""

    @property
    def key(self) -> str:
        """The name as a key of a file: `"all_search_single_shot"`."""
        return "_".join(re.findall(r"\w+", self.name)).lower()

    @property
    def mean(self) -> dict[str, float]:
        """Mean of each metric over the trials, in percent."""
        return {name: float(np.mean(v)) for name, v in self._columns.items()}

    @property
    def deviation(self) -> dict[str, float]:
        """Sample standard deviation over the trials; 0 for one trial."""
        ddof = min(1, len(self.trials) - 1)
        return {
            name: float(np.std(v, ddof=ddof))
            for name, v in self._columns.items()
        }

    @property
    def num_valid_queries(self) -> list[int]:
        """Valid queries, one number per trial."""
        return [m.num_valid_queries for m in self.trials.values()]

    @property
    def _columns(self):
        figures = [metrics.percent() for metrics in self.trials.values()]
        return {name: [f[name] for f in figures] for name in figures[0]}

    def to_dict(self) -> dict:
        """Converts the row for JSON."""
        trials = {
            str(trial): {
                **metrics.percent(),
                "num_valid_queries": metrics.num_valid_queries,
                "num_queries": metrics.num_queries,
            }
            for trial, metrics in self.trials.items()
        }
        return {
            "name": self.name,
            "direction": self.direction,
            "mean": self.mean,
            "deviation": self.deviation,
            "trials": trials,
        }


@dataclass(frozen=True)
class EvaluationTable:
    """A table of scores in percent, with notes about how they were computed.

    `print(table)` shows it; `table["visible to infrared"]` is a row.

    Args:
        title: The dataset.
        notes: All that a reader must know to compare the scores: sampler,
            scale, re-ranking, flips, forced leaks.
        rows: The `EvaluationRow`s.
    """

    title: str
    notes: tuple[str, ...]
    rows: tuple[EvaluationRow, ...]

    def __getitem__(self, name: str) -> EvaluationRow:
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"{name!r} is none of {[row.name for row in self.rows]}")

    def __str__(self):
        return "\n".join([self.title, format_table(self._cells()), *self.notes])

    def markdown(self) -> str:
        """Formats the table as Markdown, mean ± deviation in percent."""
        head, *body = self._cells()
        rule = ["---"] + ["---:"] * (len(head) - 1)
        lines = ["| " + " | ".join(line) + " |" for line in [head, rule, *body]]
        notes = [f"- {note}" for note in self.notes]
        parts = [f"**{self.title}**", "\n".join(lines), "\n".join(notes)]
        return "\n\n".join(part for part in parts if part) + "\n"

    def to_dict(self) -> dict:
        """Converts the table for JSON."""
        return {
            "title": self.title,
            "notes": list(self.notes),
            "rows": [row.to_dict() for row in self.rows],
        }

    def save(self, path: str | Path) -> None:
        """Writes the table as `.json` or `.md`, by the suffix of `path`."""
        path = Path(path)
        writers = {
            ".json": lambda: json.dumps(self.to_dict(), indent=2) + "\n",
            ".md": self.markdown,
        }
        if path.suffix not in writers:
            raise ValueError(
                f"A table is saved as one of {[*writers]}. "
                f"Received: path={str(path)!r}. "
                "Give the file one of these suffixes."
            )
        path.write_text(writers[path.suffix](), encoding="utf-8")

    def _cells(self):
        figures = self.rows[0].mean
        head = ["", *map(column_title, figures), "valid queries", "trials"]
        return [head, *map(row_cells, self.rows)]


def row_cells(row):
    deviation = row.deviation
    several = len(row.trials) > 1
    figures = [
        f"{mean:.2f} ± {deviation[name]:.2f}" if several else f"{mean:.2f}"
        for name, mean in row.mean.items()
    ]
    low, high = min(row.num_valid_queries), max(row.num_valid_queries)
    valid = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    trials = ", ".join(map(str, row.trials))
    return [row.name, *figures, valid, trials]


def column_title(name):
    titles = {"mean_ap": "mAP", "mean_inp": "mINP"}
    return titles.get(name) or name.replace("rank", "R-")
