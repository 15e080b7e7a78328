"""Numbers as a reader wants them: short, and a dash where there is none."""

import math

DASH = "\N{EN DASH}"
SCALES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def decimal(value, digits=1) -> str:
    """Writes 57.123456 as `57.1`; a missing or undefined value as a dash."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:,.{digits}f}"


def short(value) -> str:
    """Writes 23521334 as `23.5 M`."""
    if value is None or not math.isfinite(value):
        return DASH
    for scale, letter in SCALES:
        if abs(value) >= scale:
            return f"{value / scale:.1f} {letter}"
    return f"{value:g}"


def duration(seconds) -> str:
    """Writes 1530.0 as `25 min 30 s`."""
    if seconds is None or not math.isfinite(seconds):
        return DASH
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def flat(content, prefix="") -> list[tuple[str, str]]:
    """Lists a nested dict as pairs: `train images`, `4,120`."""
    pairs = []
    for name, value in content.items():
        name = f"{prefix}{name}"
        if isinstance(value, dict):
            pairs += flat(value, f"{name} ")
        else:
            pairs.append((name, plain(value)))
    return pairs


def plain(value) -> str:
    """Writes a value of a JSON file."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(plain, value))
    return DASH if value is None else str(value)
