"""The code in the pages on searching and on weights runs as it stands there."""

import functools
import inspect
import re
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from nfs_keras.layers import find_gates
from nfs_keras.models import (
    count_flops,
    import_weights,
    named_gates,
    reid_network,
)

DOCS = Path(__file__).parent.parent / "docs"


def blocks_of(page):
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def run(code, names, page):
    exec(compile(code, page, "exec"), names)
    return names


def digits(seed):
    """Two batches of random images for the example."""
    generator = np.random.default_rng(seed)
    images = generator.uniform(size=(16, 28, 28, 1)).astype("float32")
    kinds = generator.integers(0, 10, 16).astype("int32")
    return tf.data.Dataset.from_tensor_slices((images, kinds)).batch(8)


def test_the_page_on_searching_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {"train_batches": digits(0), "proxy_batches": digits(1)}
    for code in blocks_of("search.md"):
        run(code, names, "search.md")
    assert (tmp_path / "architecture.json").exists()
    smaller, model = names["smaller"], names["model"]
    assert not find_gates(smaller)
    share = count_flops(smaller) / count_flops(model)
    assert abs(share - 0.5) < 0.05
    images = np.random.default_rng(2).uniform(size=(3, 28, 28, 1))
    np.testing.assert_allclose(smaller(images), model(images), atol=1e-5)
    printed = capsys.readouterr().out
    assert all(name in printed for name in named_gates(model))


def test_any_keras_model_becomes_a_network_as_on_the_page(monkeypatch):
    make = functools.partial(keras.applications.MobileNetV2, weights=None)
    monkeypatch.setattr(keras.applications, "MobileNetV2", make)
    (code,) = [c for c in blocks_of("weights.md") if "MobileNetV2" in c]
    network = run(code, {}, "weights.md")["network"]
    assert network.encoder("visible").output_shape == (None, 1280)
    assert "block_5_add_channel" in named_gates(network)


def test_the_other_calls_on_weights_are_ones_that_exist():
    """They need files or a download: their names and arguments are checked."""
    called = []

    def note(*arguments, **options):
        called.append((arguments, options))

    names = {"reid_network": note, "import_weights": note, "network": None}
    for code in blocks_of("weights.md"):
        if "MobileNetV2" not in code:
            lines = [x for x in code.splitlines() if "from nfs" not in x]
            run("\n".join(lines), names, "weights.md")
    accepted = {
        name
        for function in (import_weights, reid_network)
        for name in inspect.signature(function).parameters
    }
    assert len(called) >= 6
    assert all(set(options) <= accepted for _, options in called)
