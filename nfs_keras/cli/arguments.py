"""What verbs ask of the words that follow their flags."""


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
