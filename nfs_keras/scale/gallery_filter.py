"""Writes a search's conditions in the filter language of Milvus."""

import json
import numbers

COMPARISONS = {
    "camera": ("camera", "in"),
    "identity": ("identity", "in"),
    "modality": ("modality", "in"),
    "since": ("time", ">="),
    "until": ("time", "<"),
}


def gallery_filter(where: dict) -> str:
    """Translates conditions, all of which must hold.

    Args:
        where: Dict of conditions: `camera`, `identity` and `modality` each
            one value or a list of them; `since` (included) and `until`
            (excluded) in seconds since 1970, UTC. `None` is no condition. A
            picture whose value is unknown never fulfils one.

    Returns:
        A Milvus expression, empty if there is no condition.

    Raises:
        ValueError: If a field is unknown or a value has the wrong type.
    """
    return " and ".join(
        condition(name, value)
        for name, value in sorted(where.items())
        if value is not None or name not in COMPARISONS
    )


def condition(name, value):
    """Translates one condition, such as `camera in [1, 2]`."""
    if name not in COMPARISONS:
        raise ValueError(
            f"A gallery is filtered by {', '.join(sorted(COMPARISONS))}. "
            f"Received: {name}={value!r}. "
            "Use one of these fields."
        )
    field, operator = COMPARISONS[name]
    many = operator == "in" and not isinstance(value, str | numbers.Integral)
    values = list(value) if many else [value]
    kind = str if name == "modality" else numbers.Integral
    if not values or not all(isinstance(x, kind) for x in values):
        raise ValueError(
            f"The filter `{name}` takes "
            f"{'strings' if kind is str else 'integers'}. "
            f"Received: {name}={value!r}. "
            "Times are whole seconds since 1970."
        )
    values = [x if kind is str else int(x) for x in values]
    text = json.dumps(values if operator == "in" else values[0])
    return f"{field} {operator} {text}"
