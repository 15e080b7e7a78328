"""A network has the outputs of the PyTorch network that it imports."""

import numpy as np
import pytest
from search_cases import maps_behind

from nfs_keras.models import import_weights, reid_network
from nfs_keras.reid.torch_weights import torch_arrays
from nfs_keras.reid.weights import arrays_of

torch = pytest.importorskip(
    "torch",
    reason="PyTorch is not installed: imported weights were NOT compared"
    " (.venv/bin/pip install torch)",
)
from benchmarks.torch_agw import AGW, ResNet  # noqa: E402 (needs torch)

IMAGE_SHAPE = (64, 32, 3)
NUM_IDENTITIES = 7
RNG = np.random.default_rng(0)
IMAGES = {
    name: RNG.uniform(0, 255, (2, *IMAGE_SHAPE)).astype("float32")
    for name in ("visible", "infrared")
}


def randomized(model):
    """Gives a PyTorch model batch norms and biases that are no special case."""
    torch.manual_seed(0)
    for name, tensor in model.state_dict().items():
        if name == "bottleneck.bias" or tensor.ndim != 1:
            continue
        middle = name.endswith(("weight", "running_var"))
        tensor.uniform_(middle - 0.5, middle + 0.5)
    return model.eval()


def normalized(images):
    """Prepares images as PyTorch networks expect them."""
    mean = np.array([0.485, 0.456, 0.406])
    deviation = np.array([0.229, 0.224, 0.225])
    maps = ((images / 255 - mean) / deviation).transpose(0, 3, 1, 2)
    return torch.tensor(maps.astype("float32"))


def assert_near(actual, expected):
    """Compares to 1e-4 of how much the images differ."""
    scale = np.ptp(expected, axis=0).max()
    np.testing.assert_allclose(actual / scale, expected / scale, atol=1e-4)


def agw_network(num_identities=NUM_IDENTITIES):
    return reid_network("agw", IMAGE_SHAPE, num_identities, search=None)


@pytest.fixture(scope="module")
def agw():
    return randomized(AGW(NUM_IDENTITIES))


@pytest.fixture(scope="module")
def checkpoint(agw, tmp_path_factory):
    """A checkpoint as AGW saves it, with copies that it never calls."""
    weights = agw.state_dict()
    stem, stages = "visible_module.visible.", "base_resnet.base."
    unused = {
        "visible_module.visible.layer1.0.conv1.weight": "layer1.0.conv1.weight",
        "thermal_module.thermal.layer4.2.bn3.bias": "layer4.2.bn3.bias",
    }
    unused = {new: weights[stages + old] for new, old in unused.items()}
    for name in ("conv1.weight", "bn1.running_mean"):
        unused[stages + name] = weights[stem + name]
    state = {"net": {**weights, **unused}, "epoch": 80}
    state |= {"acc": np.array([0.7, 0.8]), "mAP": np.float64(0.66)}
    path = tmp_path_factory.mktemp("agw") / "agw.t"
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def imported(checkpoint):
    network = agw_network()
    import_weights(network, checkpoint)
    return network


def test_agw_embeds_as_in_pytorch(agw, imported):
    with torch.no_grad():
        expected = agw(*(normalized(x) for x in IMAGES.values()))
    outputs = imported(IMAGES)
    for name, tensor in zip(
        ("pooled", "embedding", "logits"), expected, strict=True
    ):
        assert_near(outputs[name], tensor.numpy())
    expected = torch.nn.functional.normalize(expected[1]).numpy()
    for modality, rows in (("visible", slice(2)), ("infrared", slice(2, 4))):
        embedding = imported.encoder(modality)(IMAGES[modality])
        np.testing.assert_allclose(embedding, expected[rows], atol=1e-4)


def test_every_parameter_of_agw_is_used_once(agw, imported, checkpoint):
    arrays = torch_arrays(imported, checkpoint)
    live = {
        name
        for name in agw.state_dict()
        if not name.endswith("num_batches_tracked")
    }
    assert len(arrays) == len(live - {"bottleneck.bias"})
    assert set(arrays) == set(imported.named_variables())
    assert len(arrays) == len(imported.variables)


@pytest.mark.parametrize("depth", [18, 50])
def test_a_resnet_goes_into_both_stems(depth, tmp_path):
    plan = {18: ((2, 2, 2, 2), False), 50: ((3, 4, 6, 3), True)}[depth]
    model = randomized(ResNet(*plan))
    classifier = {"fc.weight": torch.ones(1000, 9), "fc.bias": torch.ones(9)}
    torch.save({**model.state_dict(), **classifier}, tmp_path / "resnet.pth")
    network = reid_network(
        f"resnet{depth}",
        IMAGE_SHAPE,
        search=None,
        weights=tmp_path / "resnet.pth",
    )
    for modality in ("visible", "infrared"):
        images = IMAGES["visible"]
        maps = maps_behind(network, network.stems[modality](images))
        with torch.no_grad():
            expected = model(normalized(images)).permute(0, 2, 3, 1)
        assert_near(maps, expected.numpy())
    arrays = torch_arrays(network, tmp_path / "resnet.pth")
    left = set(network.named_variables()) - set(arrays)
    assert {name.split("/")[0] for name in left} == {"neck", "classifier"}


def test_one_error_lists_all_that_does_not_fit(agw, imported, tmp_path):
    weights = dict(agw.state_dict())
    del weights["NL_2.0.theta.bias"]
    weights["NL_2.1.theta.weight"] = torch.ones(256, 512, 1, 1)
    weights["NL_4.0.phi.bias"] = torch.ones(1)
    torch.save(weights, tmp_path / "agw.pth")
    before = [np.array(v) for v in imported.variables]
    with pytest.raises(ValueError) as error:
        import_weights(imported, tmp_path / "agw.pth")
    for flaw in (
        "agw.pth",
        "stage2_block3_non_local/theta/bias is missing",
        "stage2_block4_non_local/theta/kernel is of shape (512, 256), not",
        "NL_4.0.phi.bias is unknown, of shape (1,)",
    ):
        assert flaw in str(error.value)
    for old, variable in zip(before, imported.variables, strict=True):
        np.testing.assert_array_equal(old, variable)


def test_a_classifier_of_other_people_is_skipped_if_asked(imported, checkpoint):
    network = agw_network(num_identities=5)
    with pytest.raises(ValueError, match=r"classifier.*\(2048, 7\)"):
        import_weights(network, checkpoint)
    before = arrays_of(network)["classifier/kernel"]
    import_weights(network, checkpoint, skip_classifier=True)
    mine, theirs = arrays_of(network), arrays_of(imported)
    np.testing.assert_array_equal(mine.pop("classifier/kernel"), before)
    for name, array in mine.items():
        np.testing.assert_array_equal(array, theirs[name])


def test_a_neck_with_a_bias_raises(agw, imported, tmp_path):
    weights = {**agw.state_dict(), "bottleneck.bias": torch.full((2048,), 0.5)}
    torch.save(weights, tmp_path / "agw.pth")
    with pytest.raises(ValueError, match="Received: `bottleneck.bias`, up to"):
        import_weights(imported, tmp_path / "agw.pth")


class Intruder:
    def __reduce__(self):
        return print, ("code of the checkpoint is running",)


@pytest.mark.parametrize(
    "content", [{"net": Intruder()}, [torch.ones(1)], {"epoch": 3}]
)
def test_what_is_no_state_dict_raises(imported, content, tmp_path, capsys):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="dict of tensors without code"):
        import_weights(imported, tmp_path / "other.pth")
    assert "running" not in capsys.readouterr().out


def test_weights_of_pytorch_need_its_strides(checkpoint):
    with pytest.raises(ValueError, match="reid_network.backbone='resnet50'"):
        reid_network(
            "imagenet_resnet50", IMAGE_SHAPE, search=None, weights=checkpoint
        )
