"""Schedules: functions from progress in [0, 1] to a temperature.

Each factory returns a plain callable, so a schedule of one's own is just a
function: `TemperatureAnnealing(lambda progress: 1.0 - 0.9 * progress)`.
"""

import math
from collections.abc import Callable

Schedule = Callable[[float], float]


def constant(value: float) -> Schedule:
    """Stays at `value`."""
    return lambda progress: value


def linear(start: float, end: float) -> Schedule:
    """Moves from `start` to `end` in equal steps."""
    return lambda progress: start + (end - start) * progress


def cosine(start: float, end: float) -> Schedule:
    """Moves from `start` to `end` along half a cosine: slow at both ends."""
    return lambda progress: (
        end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
    )


def exponential(start: float, end: float) -> Schedule:
    """Moves from `start` to `end` by equal factors; both must be positive."""
    if start <= 0 or end <= 0:
        raise ValueError(
            "`exponential` needs a positive start and end. "
            f"Received: start={start}, end={end}. "
            "Use `linear` to reach zero."
        )
    return lambda progress: start * (end / start) ** progress
