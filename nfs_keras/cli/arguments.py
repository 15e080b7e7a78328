"""Arguments that several verbs share: words without flags, and a reader."""

from absl import flags


def words_named(words, *names):
    """Checks that the number of words equals the number of names.

    Returns:
        The list of words, or the only word.
    """
    if len(words) != len(names):
        raise ValueError(
            f"This verb takes {len(names)} argument(s): {' '.join(names)}. "
            f"Received: {words}. Flags stand before or after, as --name=value."
        )
    return words[0] if len(words) == 1 else words


def reader_flag(values):
    """Adds to a verb the flag for a reader of the user's own."""
    flags.DEFINE_string(
        "reader", None, "Your own reader of the data: my_reader.py:MyReader.",
        flag_values=values,
    )  # fmt: skip
    return values
