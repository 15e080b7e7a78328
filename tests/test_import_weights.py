"""Weights are loaded from their source, or an error names the reason."""

import sys

import keras
import numpy as np
import pytest
from programs import ROOT, run
from reid_cases import two_stages
from search_cases import IMAGE_SHAPE, make_network

from nfs_keras.cli.main import main
from nfs_keras.models import import_weights, reid_network
from nfs_keras.reid.weights import SYNTHETIC, arrays_of


@pytest.fixture(scope="module")
def network():
    return make_network(None)


@pytest.fixture(scope="module")
def path(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "network.keras"
    network.save(path)
    return path


@pytest.mark.parametrize("source", ["imagnet", "missing.keras"])
def test_a_source_that_is_not_there_raises(source, network):
    with pytest.raises(ValueError, match=f"source='{source}', which does not"):
        import_weights(network, source)


def test_the_weights_shipped_fit_a_tiny_network_of_anybody():
    some, other = (
        arrays_of(reid_network("tiny", IMAGE_SHAPE, count, search, "synthetic"))
        for count, search in ((6, None), (9, "dual"))
    )
    assert some.keys() == other.keys()
    for name, array in some.items():
        if name != "classifier/kernel":
            np.testing.assert_array_equal(array, other[name])
    assert sum(array.size for array in some.values()) > 600_000
    assert SYNTHETIC.stat().st_size < 2e6


def test_the_weights_shipped_are_those_that_were_trained():
    """Embeddings that the network had when it was trained, of other code."""
    network = reid_network("tiny", (64, 32, 3), 6, None, "synthetic")
    image = np.linspace(0, 255, 64 * 32 * 3).reshape(1, 64, 32, 3)
    for modality in ("visible", "infrared"):
        embedding = np.array(network.encoder(modality)(image))[0]
        np.testing.assert_allclose(
            embedding[:6], EMBEDDINGS[modality], atol=1e-5
        )


EMBEDDINGS = {
    "visible": [-0.034642, -0.008787, 0.166907, -0.09476, -0.090996, -0.059066],
    "infrared": [0.00026, 0.036459, 0.158646, -0.099218, -0.062561, -0.061434],
}


def test_the_tool_that_trained_them_writes_such_a_file(tmp_path):
    words = [ROOT / "tools" / "pretrain_tiny.py", "--weights=tiny.npz"]
    words += ["--people=16", "--epochs=1"]
    run(words, tmp_path, check=True)
    with np.load(tmp_path / "tiny.npz") as made, np.load(SYNTHETIC) as shipped:
        assert set(made) == set(shipped)
        for name, array in made.items():
            assert array.dtype == shipped[name].dtype == "float16"
            assert array.shape == shipped[name].shape
            assert np.isfinite(array).all()


def test_the_weights_shipped_fit_no_other_network():
    with pytest.raises(ValueError, match="source='synthetic', where"):
        two_stages(None, weights="synthetic")


def test_a_pytorch_file_needs_pytorch(network, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "agw.pth").write_bytes(b"")
    with pytest.raises(ImportError, match="`pip install torch`"):
        import_weights(network, tmp_path / "agw.pth")


def convert(*words):
    return main(["nfs-reid", "import-weights", *map(str, words)])


def test_the_command_writes_a_network(network, path, tmp_path, capsys):
    target = tmp_path / "converted.keras"
    shape = ["--height=32", "--width=16", "--num_identities=6"]
    assert convert(path, target, "--backbone=tiny", *shape) == 0
    assert f"Written: {target}" in capsys.readouterr().out
    loaded = keras.models.load_model(target)
    for mine, other in zip(loaded.variables, network.variables, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_the_command_prints_what_is_wrong(path, capsys):
    assert convert(path, "network.pth") == 1
    assert "Name it 'network.pth.keras'" in capsys.readouterr().err
    assert convert("nowhere.pth", "n.keras", "--backbone=tiny") == 1
    assert "Received: source='nowhere.pth'" in capsys.readouterr().err
