"""What a search has found: the channels and pixels that each gate keeps."""

import json
import pathlib

import numpy as np
from keras import ops

from nfs_keras.files import replace_file
from nfs_keras.modalities import MODALITIES
from nfs_keras.search.add_gates import named_gates
from nfs_keras.search.flow import (
    any_modality,
    count_operations,
    nothing_closed,
)
from nfs_keras.search.gate_rule import channel_gate
from nfs_keras.search.graph import trace
from nfs_keras.text_tables import format_table

SCHEMA = 2
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError)
TOLERANCE = 0.01  # share of the operations that a budget may be missed by


class Architecture:
    """The chosen channels and pixels of every gate, for each modality.

    Args:
        masks: Dict from a gate's name, as `named_gates` gives it, to a boolean
            array `(modalities, channels)` or `(modalities, *pixels)`.

    Attributes:
        masks: As given, with boolean arrays.

    Example:

    ```python
    architecture = search.derive()
    print(architecture.summary())
    architecture.save("architecture.json")
    Architecture.load("architecture.json").apply(model)  # gates frozen
    ```
    """

    def __init__(self, masks):
        self.masks = {k: np.asarray(mask, bool) for k, mask in masks.items()}

    @classmethod
    def derive(cls, model, budget=None):
        """Decides every gate of a searched model.

        Args:
            model: A functional model with gates, or a `ReIDNetwork`.
            budget: Without one, a gate is kept where its logit is above 0.
                With one, in (0, 1), it is the share of the operations of the
                model, all gates open, that the compacted model may need: of
                all channel gates those with the largest logits are kept, as
                many as come closest to it; where one channel is worth more
                than 1 % of the operations, as many as stay within it. Pixel
                gates, which save nothing, are kept where their logit is
                above 0.

        Returns:
            An `Architecture`. The strongest channel and pixel of a gate are
            kept whatever their logit, because a gate must not close entirely.
            A gate that is frozen keeps what its mask keeps.

        Raises:
            ValueError: If `budget` is not between 0 and 1, or the model has
                no channel gates to meet it with, or they cannot.
        """
        gates = check_gates(model)
        scores = {
            name: ops.convert_to_numpy(
                gate.mask - 0.5 if gate.is_frozen else gate.logits
            )
            for name, gate in gates.items()
        }
        if budget is None:
            return cls._above(scores, dict.fromkeys(scores, 0.0))
        check_budget(budget)
        counter = OperationCounter(model, gates)
        check_counted(counter.everything)
        searched = [
            name
            for name, gate in gates.items()
            if channel_gate(gate) is not None and not gate.is_frozen
        ]
        ranks, num_gates = rank({name: scores[name] for name in searched})
        thresholds = dict.fromkeys(scores, 0.0)

        def at(threshold):
            thresholds.update(dict.fromkeys(searched, threshold))
            return cls._above({**scores, **ranks}, thresholds)

        low, high = -1, num_gates
        while low < high:  # the share falls as the threshold rises
            middle = (low + high) // 2
            above = counter.share(at(middle)) > budget
            low, high = (middle + 1, high) if above else (low, middle)
        found, more = at(low), at(max(low - 1, -1))
        share, over = counter.share(found), counter.share(more) - budget
        check_met(share, budget)
        closer = over < budget - share and over <= TOLERANCE
        return more if closer else found

    @classmethod
    def _above(cls, scores, thresholds):
        """Keeps what scores above a threshold, and each row's best."""

        def keep(rows, threshold):
            flat = rows.reshape(len(rows), -1)
            kept = flat > threshold
            kept[np.arange(len(flat)), flat.argmax(axis=1)] = True
            return kept.reshape(rows.shape)

        return cls({k: keep(rows, thresholds[k]) for k, rows in scores.items()})

    def apply(self, model):
        """Freezes the gates of a model to this architecture.

        Raises:
            ValueError: If names or sizes do not fit, naming the first.
        """
        gates = named_gates(model)
        sizes = {name: tuple(gate.logits.shape) for name, gate in gates.items()}
        self._check_fits(sizes, "the model")
        for name, gate in gates.items():
            gate.freeze(self.masks[name].astype("float32"))

    def _check_fits(self, wanted, owner):
        given = {name: mask.shape for name, mask in self.masks.items()}
        for name in [*wanted, *given]:
            if wanted.get(name) != given.get(name):
                raise ValueError(
                    "An architecture fits gates of the same names and sizes. "
                    f"Received: {name} of shape {given.get(name)}, in {owner} "
                    f"{wanted.get(name)} (modalities first; None: it has no "
                    "such gate). Make the model as the one that the "
                    "architecture was found with."
                )

    def share_of_operations(self, model):
        """Float: operations of the model once compacted, as a share.

        Args:
            model: A model that the architecture fits. Its own gates' state
                does not matter.
        """
        return OperationCounter(model, named_gates(model)).share(self)

    def open_fraction(self):
        """Float: the share that a gate keeps, mean over gates."""
        return float(np.mean([mask.mean() for mask in self.masks.values()]))

    def random(self, seed=0):
        """Makes a random architecture that keeps as many choices in each gate.

        Args:
            seed: Non-negative integer.

        Returns:
            An `Architecture` with the counts of this one, gate by gate: for
            each modality, and of what all or none keep, so that it costs the
            same. It is the control that a search has to beat.
        """
        generator = np.random.default_rng(seed)

        def shuffle(mask):
            rows = mask.reshape(len(mask), -1)
            return generator.permutation(rows, axis=1).reshape(mask.shape)

        return Architecture({k: shuffle(m) for k, m in self.masks.items()})

    def summary(self):
        """A table of what each gate keeps, in percent.

        Two modalities are named visible and infrared, others numbered.
        """
        masks = self.masks.values()
        count = max(len(mask) for mask in masks)
        names = (
            MODALITIES if count == 2 else [f"kept {i}" for i in range(count)]
        )
        titles = [*(["kept"] if count == 1 else names), "all", "none"]
        rows = [["gate", "size", *titles]]
        for name, mask in self.masks.items():
            size = "x".join(map(str, mask.shape[1:]))
            shares = [f"{row.mean():.0%}" for row in mask]
            shares += [""] * (count - len(shares))
            both = f"{mask.all(0).mean():.0%}", f"{1 - mask.any(0).mean():.0%}"
            rows.append([name, size, *shares, *both])
        total = f"open fraction {self.open_fraction():.3f}"
        return f"{format_table(rows)}\n{total}"

    def diff(self, other):
        """Dict from gate to the share of its choices that differ.

        Raises:
            ValueError: If the two differ in gates or sizes.
        """
        sizes = {name: mask.shape for name, mask in other.masks.items()}
        self._check_fits(sizes, "the other")
        return {
            name: float(np.mean(mask != other.masks[name]))
            for name, mask in self.masks.items()
        }

    def save(self, path):
        """Writes the architecture as JSON, completely or not at all."""
        gates = {k: mask.astype(int).tolist() for k, mask in self.masks.items()}
        with replace_file(path, "w") as file:
            json.dump({"schema": SCHEMA, "gates": gates}, file)

    @classmethod
    def load(cls, path):
        """Reads what `save` wrote, now or in schema 1.

        Raises:
            ValueError: If there is no file, or it is not an architecture of
                these schemas.
        """
        try:
            content = json.loads(pathlib.Path(path).read_text("utf-8"))
            if content["schema"] == 1:
                return cls(read_cells(content["cells"]))
            if content["schema"] == SCHEMA:
                return cls(content["gates"])
        except UNREADABLE as error:
            raise ValueError(
                "An architecture is a JSON file with a schema version. "
                f"Received: path={str(path)!r}, which is not ({error!r}). "
                "Pass a file that `Architecture.save` has written."
            ) from error
        raise ValueError(
            f"This version reads architectures of schemas 1 and {SCHEMA}. "
            f"Received: schema={content['schema']!r} in {str(path)!r}. "
            "Use the version of nfs_keras that wrote the file."
        )


class OperationCounter:
    """Counts the operations of a model once it is compacted.

    Args:
        model: A functional model with gates, or a `ReIDNetwork`.
        gates: Dict from name to gate, `named_gates(model)`.
    """

    def __init__(self, model, gates):
        self.graph = trace(getattr(model, "functional", model))
        self.names = {id(gate): name for name, gate in gates.items()}
        self.everything = count_operations(self.graph, nothing_closed)

    def share(self, architecture):
        """Float in (0, 1]: the operations that an architecture leaves."""

        def opened(gate, modality):
            part = channel_gate(gate)
            if part is None:
                return np.ones(1)
            mask = architecture.masks[self.names[id(part)]]
            return any_modality(mask, modality)

        left = count_operations(self.graph, opened)
        return left / self.everything if self.everything else 1.0


def read_cells(cells):
    """Masks by gate of a schema 1 file, which has them by cell and level."""
    return {
        f"{cell}_{level}": [mask[name] for name in MODALITIES]
        for cell, levels in cells.items()
        for level, mask in levels.items()
    }


def rank(scores):
    """Replaces scores by their ranks, 0 the least; returns also their count."""
    flat = [rows.ravel() for rows in scores.values()]
    if not flat:
        raise ValueError(
            "A budget in operations is met by closing channels. "
            "Received: a model without a channel gate that searches. "
            "Search with 'dual' or 'channel', or without a budget."
        )
    order = np.concatenate(flat).argsort(kind="stable")
    ranks = np.split(order.argsort(), np.cumsum([len(f) for f in flat])[:-1])
    shaped = {
        name: part.reshape(rows.shape)
        for (name, rows), part in zip(scores.items(), ranks, strict=True)
    }
    return shaped, len(order)


def check_gates(model):
    """Returns a model's gates; raises `ValueError` if it has none."""
    gates = named_gates(model)
    if not gates:
        raise ValueError(
            "An architecture is derived from a model with search gates. "
            f"Received: model={model.name!r} without any. "
            "Put a `DualLevelSearch` into it, or call `add_gates`."
        )
    return gates


def check_budget(budget):
    """Raises `ValueError` unless a budget is a share of the operations."""
    if not 0 < budget < 1:
        raise ValueError(
            "`budget` is the share of the operations to keep, between 0 and "
            f"1. Received: budget={budget}. "
            "Pass None to keep every gate whose logit is above 0."
        )


def check_counted(operations):
    """Raises `ValueError` for a model without operations that are counted."""
    if not operations:
        raise ValueError(
            "A budget counts the operations of convolutions and dense layers. "
            "Received: a model without such layers. "
            "Search without a budget."
        )


def check_met(share, budget):
    """Raises `ValueError` if the gates cannot meet the budget."""
    if share > budget + TOLERANCE:
        raise ValueError(
            "The budget must be a share that closing channels can reach. "
            f"Received: budget={budget}, where {share:.3f} is the least. "
            "Gate more layers, or raise the budget."
        )
