"""What generated pages share: tables of Markdown."""


def table(header, rows):
    """Writes a table.

    Args:
        header: Sequence of strings; a leading `>` aligns a column right.
        rows: Sequences of as many cells.

    Returns:
        Its lines in one string, without a line end behind the last.
    """
    names = [name.removeprefix(">") for name in header]
    rules = ["---:" if name.startswith(">") else "---" for name in header]
    lines = [names, rules, *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
