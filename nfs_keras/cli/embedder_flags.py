"""The flags of verbs that embed: a SavedModel, or one on a server."""

from absl import flags

from nfs_keras.scale import Embedder
from nfs_keras.serving import RemoteEmbedder
from nfs_keras.serving.warm_up import MODEL_NAME


def embedder_flags(values):
    """Adds to a verb the flags that `make_embedder` reads."""
    flags.DEFINE_string("model", None, "A SavedModel.", flag_values=values)
    flags.DEFINE_string(
        "server", None, "Instead of --model: host:port or http://host:port.",
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_string(
        "model_name", MODEL_NAME, "Of the model on --server.",
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_integer(
        "version", None, "Of the model on --server; the newest if not given.",
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_string(
        "certificates", None,
        "PEM file of authorities, for an encrypted --server.",
        flag_values=values,
    )  # fmt: skip
    flags.mark_flags_as_mutual_exclusive(
        ["model", "server"], required=True, flag_values=values
    )
    return values


def make_embedder(values, modality):
    """Makes the embedder that the flags name."""
    if values.server is None:
        return Embedder(values.model, modality)
    return RemoteEmbedder(
        values.server,
        modality,
        values.model_name,
        values.version,
        certificates=values.certificates,
    )
