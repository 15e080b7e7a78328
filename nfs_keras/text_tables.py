"""Tables for a terminal: one way to align columns."""

from collections.abc import Iterable, Sequence


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
