"""What a search has found: the channels and pixels that each cell keeps."""

import json
import pathlib

import numpy as np
from keras import ops

from nfs_keras.models.reid_network import MODALITIES

SCHEMA = 1


class Architecture:
    """The chosen channels and pixels of every cell, for each modality.

    Args:
        cells: Dict from cell name (of its stage, such as `"stage1"`, or of an
            inner gate, such as `"stage1_block1_inner1"`) to a dict of levels:
            `"channel"`, boolean `(modalities, channels)`, and `"spatial"`,
            boolean `(modalities, height, width)`; a cell may lack either.

    Attributes:
        cells: As given, with boolean arrays.

    Example:

    ```python
    architecture = search.derive()
    print(architecture.summary())
    architecture.save("architecture.json")
    Architecture.load("architecture.json").apply(network)  # gates frozen
    ```
    """

    def __init__(self, cells):
        self.cells = {
            name: {level: np.asarray(m, bool) for level, m in levels.items()}
            for name, levels in cells.items()
        }

    @classmethod
    def derive(cls, network, budget=None):
        """Decides every gate of a searched network.

        Args:
            network: A `ReIDNetwork` with search cells.
            budget: Without one, a gate is kept where its logit is above 0.
                With one, in (0, 1), the gates of the largest logits of all
                cells and levels are kept, as many as do not bring the open
                fraction above it: what one level keeps, another cannot.

        Returns:
            An `Architecture`. The strongest channel and pixel of a cell are
            kept whatever their logit, for nothing passes a cell without any.

        Raises:
            ValueError: If `budget` is not between 0 and 1.
        """
        logits = logits_of(network)
        if budget is None:
            return cls._above(logits, 0.0)
        if not 0 < budget < 1:
            raise ValueError(
                "`budget` is the open fraction to keep, between 0 and 1. "
                f"Received: budget={budget}. "
                "Pass None to keep every gate whose logit is above 0."
            )
        ranks, num_gates = rank(logits)  # unlike logits, no two are equal
        low, high = -1, num_gates
        while low < high:  # the open fraction falls as the threshold rises
            middle = (low + high) // 2
            opened = cls._above(ranks, middle).open_fraction()
            low, high = (middle + 1, high) if opened > budget else (low, middle)
        return cls._above(ranks, low)

    @classmethod
    def _above(cls, scores, threshold):
        """Keeps what scores above a threshold, and each row's best."""

        def keep(rows):
            flat = rows.reshape(len(rows), -1)
            kept = flat > threshold
            kept[np.arange(len(flat)), flat.argmax(axis=1)] = True
            return kept.reshape(rows.shape)

        return cls(
            {
                name: {level: keep(rows) for level, rows in by_level.items()}
                for name, by_level in scores.items()
            }
        )

    def apply(self, network):
        """Freezes the gates of a network to this architecture.

        Raises:
            ValueError: If cells, levels or sizes do not fit, naming the first.
        """
        self._check_fits(logits_of(network), "the network")
        for name, cell in network.cells.items():
            for level, gate in cell.levels().items():
                gate.freeze(self.gate_mask(name, level))
        settle_neck(network)

    def gate_mask(self, name, level):
        """A cell's mask in the shape of its gate's logits, float32."""
        mask = self.cells[name][level].astype("float32")
        if level == "channel":
            return mask[:, None, None, :]
        return mask[..., None]

    def _check_fits(self, cells, owner):
        given, wanted = shapes_of(self.cells), shapes_of(cells)
        for key in [*wanted, *given]:
            if wanted.get(key) != given.get(key):
                raise ValueError(
                    "An architecture fits only cells of the same sizes. "
                    f"Received: {key} of shape {given.get(key)}, in {owner} "
                    f"{wanted.get(key)} (modalities first; None: it has no "
                    "such cell). Make the network with the backbone, image "
                    "shape and search that the architecture was found with."
                )

    def open_fraction(self):
        """The mean over the cells of the share of the map that each keeps."""
        shares = [
            np.prod([mask.mean() for mask in by_level.values()])
            for by_level in self.cells.values()
        ]
        return float(np.mean(shares))

    def random(self, seed=0):
        """An architecture that keeps as many gates everywhere, by chance.

        Args:
            seed: Non-negative integer.

        Returns:
            An `Architecture` with the counts of this one, per cell and level:
            for each modality, and of what both or neither keep, so that it
            costs the same. It is the control that a search has to beat.
        """
        generator = np.random.default_rng(seed)

        def shuffle(mask):
            rows = mask.reshape(len(mask), -1)
            return generator.permutation(rows, axis=1).reshape(mask.shape)

        return Architecture(
            {
                name: {k: shuffle(mask) for k, mask in by_level.items()}
                for name, by_level in self.cells.items()
            }
        )

    def summary(self):
        """A table of what each cell keeps, in percent."""
        width = max(map(len, [*self.cells, "stage10"])) + 2
        lines = [
            f"{'cell':<{width}}{'level':<10}{'size':<12}{'visible':>9}"
            f"{'infrared':>10}{'both':>7}{'neither':>9}"
        ]
        for name, by_level in self.cells.items():
            for level, mask in by_level.items():
                size = "x".join(map(str, mask.shape[1:]))
                both, neither = mask.all(0).mean(), 1 - mask.any(0).mean()
                lines.append(
                    f"{name:<{width}}{level:<10}{size:<12}{mask[0].mean():>9.0%}"
                    f"{mask[-1].mean():>10.0%}{both:>7.0%}{neither:>9.0%}"
                )
        lines.append(f"open fraction {self.open_fraction():.3f}")
        return "\n".join(lines)

    def diff(self, other):
        """Dict from `"cell/level"` to the share of gates that differ.

        Raises:
            ValueError: If the two differ in cells, levels or sizes.
        """
        self._check_fits(other.cells, "the other")
        return {
            f"{name}/{level}": float(np.mean(mask != other.cells[name][level]))
            for name, by_level in self.cells.items()
            for level, mask in by_level.items()
        }

    def save(self, path):
        """Writes the architecture as JSON."""
        cells = {
            name: {
                level: dict(
                    zip(MODALITIES, mask.astype(int).tolist(), strict=True)
                )
                for level, mask in by_level.items()
            }
            for name, by_level in self.cells.items()
        }
        text = json.dumps({"schema": SCHEMA, "cells": cells})
        pathlib.Path(path).write_text(text)

    @classmethod
    def load(cls, path):
        """Reads what `save` wrote.

        Raises:
            ValueError: If the file is not an architecture of this schema.
        """
        try:
            content = json.loads(pathlib.Path(path).read_text())
            schema, cells = content["schema"], content["cells"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                "An architecture is a JSON file with a schema version. "
                f"Received: path={str(path)!r}, which is not ({error!r}). "
                "Pass a file that `Architecture.save` has written."
            ) from error
        if schema != SCHEMA:
            raise ValueError(
                f"This version reads architectures of schema {SCHEMA}. "
                f"Received: schema={schema!r} in {str(path)!r}. "
                "Use the version of nfs_keras that wrote the file."
            )
        return cls(
            {
                name: {k: [m[x] for x in MODALITIES] for k, m in levels.items()}
                for name, levels in cells.items()
            }
        )


def logits_of(network):
    """Every cell's logits by level, in the shapes that an architecture has."""
    return {
        name: {
            level: ops.convert_to_numpy(gate.logits).squeeze(
                (1, 2) if level == "channel" else 3
            )
            for level, gate in cell.levels().items()
        }
        for name, cell in network.cells.items()
    }


def shapes_of(cells):
    """Dict from `"cell/level"` to shape."""
    return {
        f"{name}/{level}": rows.shape
        for name, by_level in cells.items()
        for level, rows in by_level.items()
    }


def rank(logits):
    """Replaces all logits by their rank, 0 the least; gives their number."""
    flat = [rows.ravel() for cell in logits.values() for rows in cell.values()]
    order = np.concatenate(flat).argsort(kind="stable")
    ranks = iter(np.split(order.argsort(), np.cumsum([len(f) for f in flat])))
    return {
        name: {k: next(ranks).reshape(rows.shape) for k, rows in cell.items()}
        for name, cell in logits.items()
    }, len(order)


def settle_neck(network):
    """Gives embedding entries that no modality keeps the value zero.

    Such an entry is a constant. Its batch-norm statistics may still be those
    of the time when it was not; here they become the constant's own.
    """
    gate = network.stages[-1].channel_gate
    if gate is None:
        return
    dead = ~np.asarray(gate.mask).reshape(gate.num_modalities, -1).any(axis=0)
    neck = network.head.neck
    empty = network.pooling(np.zeros((1, 1, 1, len(dead)), "float32"))[0]
    neck.moving_mean.assign(np.where(dead, empty, neck.moving_mean))
    neck.moving_variance.assign(np.where(dead, 0.0, neck.moving_variance))
