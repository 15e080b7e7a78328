import copy

import pytest

from nfs_keras.cli import embed, query
from nfs_keras.serving import RemoteEmbedder


@pytest.mark.parametrize("verb", [embed, query])
def test_a_server_takes_the_place_of_a_model(verb):
    values = copy.deepcopy(verb.FLAGS)
    for name in values:  # as if no test had called the verb before
        values[name].unparse()
    words = ["--server=host:1", "--model_name=other", "--version=3"]
    values(
        ["verb", *words, "--output=out", "--gallery=x", "--modality=visible"],
        known_only=True,
    )
    embedder = verb.make_embedder(values, "infrared")
    assert isinstance(embedder, RemoteEmbedder)
    assert embedder.address == "host:1" and embedder.modality == "infrared"
    assert (embedder.model_name, embedder.version) == ("other", 3)
