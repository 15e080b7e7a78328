"""Tables as text: aligned columns, and short cells; a dash is no value."""

import math
from collections.abc import Iterable, Sequence

DASH = "\N{EN DASH}"
SCALES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def format_table(rows: Iterable[Sequence], gap: int = 2) -> str:
    """Aligns the cells of a table: the first column left, the others right.

    Args:
        rows: Rows of as many cells each, the header first if there is one.
        gap: Spaces between two columns.

    Returns:
        A line for each row.

    Example:

    >>> print(format_table([("split", "people"), ("train", 206)]))
    split  people
    train     206
    """
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for first, *others in cells:
        columns = [first.ljust(widths[0])]
        columns += map(str.rjust, others, widths[1:])
        lines.append((" " * gap).join(columns).rstrip())
    return "\n".join(lines)


def format_decimal(value: float | None, digits: int = 1) -> str:
    """Writes 57.123456 as `57.1`."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:,.{digits}f}"


def format_count(value: float | None) -> str:
    """Writes 23521334 as `23.5 M`."""
    if value is None or not math.isfinite(value):
        return DASH
    for scale, letter in SCALES:
        if abs(value) >= scale:
            return f"{value / scale:.1f} {letter}"
    return f"{value:g}"


def format_duration(seconds: float | None) -> str:
    """Writes 1530.0 seconds as `25 min 30 s`."""
    if seconds is None or not math.isfinite(seconds):
        return DASH
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def format_value(value) -> str:
    """Writes a value of a JSON file, such as 4120 as `4,120`."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(format_value, value))
    return DASH if value is None else str(value)


def format_facts(content: dict, prefix: str = "") -> list[tuple[str, str]]:
    """Lists a nested dict as pairs of text: `train images`, `4,120`."""
    pairs = []
    for name, value in content.items():
        name = f"{prefix}{name}"
        if isinstance(value, dict):
            pairs += format_facts(value, f"{name} ")
        else:
            pairs.append((name, format_value(value)))
    return pairs
