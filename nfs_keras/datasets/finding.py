"""One kind of flaw in a dataset."""

from typing import NamedTuple


class Finding(NamedTuple):
    """One kind of flaw in a dataset, and everything that has it.

    Attributes:
        is_error: Whether it keeps training from starting.
        flaw: What is wrong.
        places: The files, people or messages that it is about.
    """

    is_error: bool
    flaw: str
    places: list[str]
