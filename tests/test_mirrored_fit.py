"""`fit` of a search under `MirroredStrategy`, on two logical devices."""

import pathlib

import mirrored_fit
import numpy as np
import pytest
from programs import run


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory):
    """What two devices have found, in a process of their own."""
    program = pathlib.Path(mirrored_fit.__file__)
    path = tmp_path_factory.mktemp("mirrored") / "found.npz"
    run([program, path], check=True, CUDA_VISIBLE_DEVICES="")
    with np.load(path) as found:
        return dict(found)


def test_two_devices_search_as_one_does(mirrored, monkeypatch):
    """Weights, logits, both optimizers, losses, metrics and evaluation."""
    generator = mirrored_fit.ReplicaSeedGenerator
    monkeypatch.setattr(generator, "next", generator.next)
    mirrored_fit.share_draws()
    expected = mirrored_fit.train(mirrored_fit.make_search())
    assert set(expected) == set(mirrored) - {"rejected", "different"}
    for name, value in expected.items():
        np.testing.assert_allclose(
            mirrored[name], value, rtol=1e-4, atol=1e-5, err_msg=name
        )


def test_replicas_draw_different_noise(mirrored):
    assert mirrored["different"]


def test_the_second_order_raises_on_several_replicas(mirrored):
    message = str(mirrored["rejected"])
    assert "optimizer=SGD, with 2 replicas. Pass mode='first_order'" in message
