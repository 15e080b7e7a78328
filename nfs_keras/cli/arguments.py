"""Arguments that several verbs share: words, a reader, a network's file."""

import keras
from absl import flags

from nfs_keras.files import check_keras_file
from nfs_keras.models import ReIDNetwork


def words_named(words, *names):
    """Checks that the number of words equals the number of names.

    Returns:
        The list of words, or the only word.
    """
    if len(words) != len(names):
        plural = "s" if len(names) > 1 else ""
        raise ValueError(
            f"This verb takes {len(names)} argument{plural}: "
            f"{' '.join(names)}. Received: {words}. "
            "Flags stand before or after, as --name=value."
        )
    return words[0] if len(words) == 1 else words


def reader_flag(values):
    """Adds to a verb the flag for a reader of the user's own."""
    flags.DEFINE_string(
        "reader", None, "Your own reader of the data: my_reader.py:MyReader.",
        flag_values=values,
    )  # fmt: skip
    return values


def load_network(file):
    """Loads a `ReIDNetwork`; anything else raises `ValueError`."""
    check_keras_file(file)
    network = keras.models.load_model(file)
    if not isinstance(network, ReIDNetwork):
        raise ValueError(
            "This verb takes a network of two modalities. "
            f"Received: --model={file}, a {type(network).__name__}. "
            "Pass model.keras or another network of a run's folder."
        )
    return network
