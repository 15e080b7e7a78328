"""What a search has found: the channels and pixels that each cell keeps."""

import json
import pathlib

import numpy as np

from nfs_keras.models.reid_network import MODALITIES

SCHEMA = 1


class Architecture:
    """The chosen channels and pixels of every cell, for each modality.

    Args:
        cells: Dict from cell name (of its stage, such as `"stage1"`) to a dict
            of levels: `"channel"`, boolean `(modalities, channels)`, and
            `"spatial"`, boolean `(modalities, height, width)`; a cell may
            lack either.

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
                With one, in (0, 1), the logit to be above is the one that
                brings the open fraction nearest to it, the same for all
                gates: what one level or cell keeps, another cannot.

        Returns:
            An `Architecture`. The strongest channel and pixel of a cell are
            kept whatever their logit, for nothing passes a cell without any.
        """
        logits = {
            name: {k: gate.logits.numpy() for k, gate in cell.levels().items()}
            for name, cell in network.cells.items()
        }
        if budget is None:
            return cls._above(logits, 0.0)
        flat = [a.ravel() for cell in logits.values() for a in cell.values()]
        candidates = np.unique(np.concatenate(flat))
        low, high = 0, len(candidates) - 1
        while low < high:  # the open fraction falls as the threshold rises
            middle = (low + high) // 2
            opened = cls._above(logits, candidates[middle]).open_fraction()
            low, high = (middle + 1, high) if opened > budget else (low, middle)
        return cls._above(logits, candidates[low])

    @classmethod
    def _above(cls, logits, threshold):
        cells = {}
        for name, by_level in logits.items():
            cells[name] = {}
            for level, a in by_level.items():
                rows = a.reshape(len(a), -1)
                strongest = rows == rows.max(axis=1, keepdims=True)
                kept = ((rows > threshold) | strongest).reshape(a.shape)
                axes = (1, 2) if level == "channel" else 3
                cells[name][level] = kept.squeeze(axes)
        return cls(cells)

    def apply(self, network):
        """Freezes the gates of a network to this architecture.

        Raises:
            ValueError: If cells, levels or sizes do not fit, naming the first.
        """
        self._check_fits(network)
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

    def _check_fits(self, network):
        wanted = {
            f"{name}/{level}": tuple(gate.logits.shape)
            for name, cell in network.cells.items()
            for level, gate in cell.levels().items()
        }
        given = {
            f"{name}/{level}": self.gate_mask(name, level).shape
            for name, by_level in self.cells.items()
            for level in by_level
        }
        for key in [*wanted, *given]:
            if wanted.get(key) != given.get(key):
                raise ValueError(
                    "An architecture fits a network with the same cells of "
                    f"the same sizes. Received: {key} of shape "
                    f"{given.get(key)} in the architecture and "
                    f"{wanted.get(key)} in the network. Make the network with "
                    "the backbone, image shape and search it was found with."
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
            An `Architecture` with the counts of this one, per cell, level and
            modality: the control that a search has to beat.
        """
        generator = np.random.default_rng(seed)

        def shuffle(mask):
            rows = generator.permuted(mask.reshape(len(mask), -1), axis=1)
            return rows.reshape(mask.shape)

        return Architecture(
            {
                name: {k: shuffle(mask) for k, mask in by_level.items()}
                for name, by_level in self.cells.items()
            }
        )

    def summary(self):
        """A table of what each cell keeps, in percent."""
        lines = [
            f"{'cell':<10}{'level':<10}{'size':<12}{'visible':>9}"
            f"{'infrared':>10}{'both':>7}{'neither':>9}"
        ]
        for name, by_level in self.cells.items():
            for level, mask in by_level.items():
                size = "x".join(map(str, mask.shape[1:]))
                both, neither = mask.all(0).mean(), 1 - mask.any(0).mean()
                lines.append(
                    f"{name:<10}{level:<10}{size:<12}{mask[0].mean():>9.0%}"
                    f"{mask[-1].mean():>10.0%}{both:>7.0%}{neither:>9.0%}"
                )
        lines.append(f"open fraction {self.open_fraction():.3f}")
        return "\n".join(lines)

    def diff(self, other):
        """Dict from `"cell/level"` to the share of gates that differ."""
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
            schema = content["schema"]
        except (json.JSONDecodeError, KeyError, TypeError) as error:
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
                name: {k: list(m.values()) for k, m in by_level.items()}
                for name, by_level in content["cells"].items()
            }
        )


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
