"""Checks that arguments of many kinds share."""


def check_integer(name: str, value, least: int) -> None:
    """Raises `ValueError` unless a value is an int of at least `least`."""
    is_int = isinstance(value, int) and not isinstance(value, bool)
    if not is_int or value < least:
        raise ValueError(
            f"`{name}` must be an integer of at least {least}. "
            f"Received: {name}={value!r}. "
            f"Pass {least} or more."
        )


def check_choice(name: str, value, choices) -> None:
    """Raises `ValueError` unless a value is one of `choices`."""
    if value not in choices:
        raise ValueError(
            f"`{name}` must be one of {', '.join(map(repr, choices))}. "
            f"Received: {name}={value!r}. "
            "Pass one of them."
        )
