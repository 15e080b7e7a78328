import pytest
from exported_model import encoders, exported_model, images, random_images

from benchmarks.fuzz_serving import MAX_GROWTH_MB, fuzz, undefined
from nfs_keras.datasets import resize_image
from nfs_keras.serving import Client, StandInServer


@pytest.fixture(scope="module")
def server():
    directory = exported_model().parent
    with StandInServer(directory, warm_up=False) as server:
        yield server


def test_malformed_requests_are_answered_and_the_server_lives(server):
    answers, growth = fuzz(server, num_requests=400)
    assert undefined(answers) == set()
    assert answers["answered"] > 100
    assert growth < MAX_GROWTH_MB
    with Client(server.grpc_address) as client:
        embedding, valid = client.embed(images(2))
    encoder = encoders()["visible"]
    expected = encoder(resize_image(random_images(2), (32, 16, 3))).numpy()
    assert valid.all()
    assert abs(embedding - expected).max() < 1e-5
