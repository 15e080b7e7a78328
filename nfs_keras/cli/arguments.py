"""What several verbs take: words after their flags, and a reader."""

from absl import flags


def words_named(words, *names):
    """Checks that as many words came as there are names.

    Returns:
        The words; a single one as itself.
    """
    if len(words) != len(names):
        raise ValueError(
            f"This verb takes {len(names)} argument(s): {' '.join(names)}. "
            f"Received: {words}. Flags stand before or after, as --name=value."
        )
    return words[0] if len(words) == 1 else words


def reader_flag(values):
    """Gives a verb the flag that names a reader of the user's own."""
    flags.DEFINE_string(
        "reader", None, "Your own reader of the data: my_reader.py:MyReader.",
        flag_values=values,
    )  # fmt: skip
    return values
