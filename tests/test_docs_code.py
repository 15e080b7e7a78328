"""Every Python block of the pages runs, or stands here with a reason.

The pages' own files are exchanged for those of the small run: names in the
code stay as they are, folders are made that fit them. A training runs eagerly:
its few steps take less time than to trace them.
"""

import functools
import inspect
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_smoke import small_smoke

from nfs_keras.datasets import RegDB
from nfs_keras.evaluation import retrieval_metrics
from nfs_keras.layers import find_gates
from nfs_keras.models import (
    SearchModel,
    count_flops,
    import_weights,
    named_gates,
    reid_network,
)
from nfs_keras.scale import Gallery
from nfs_keras.serving import StandInServer

ROOT = Path(__file__).parents[1]
ELSEWHERE = {  # pages whose code another test runs
    "README.md": "test_readme.py",
    "own_images.md": "test_own_images_page.py",
    "run_folder.md": "test_run_folder_page.py",
    "start.md": "test_start_page.py",
    "synthetic_data.md": "test_synthetic_data_docs.py",
}
NOT_RUN = {  # by page: number of a block, and why
    "datasets.md": {2: "a folder of this layout: test_run_pipeline.py has one"},
    "scale.md": {
        1: "test_start_page.py runs it",
        3: "reads from an object store; test_ray_engine.py runs Ray",
        4: "needs Spark, which the page says",
        5: "needs Beam, which the page says",
        7: "starts on several hosts: what it defines runs below",
        8: "a measurement by hand",
    },
    "synthetic_data.md": {1: "makes 412 people: the demo does so"},
    "tensorflow_addons.md": {1: "tensorflow-addons cannot be installed here"},
}


def blocks_of(page):
    path = ROOT / page if page == "README.md" else ROOT / "docs" / page
    code = re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)
    return dict(enumerate(code, start=1))


def run_page(page, names=None, replace=("", "")):
    """Runs a page's blocks, in order and with the names of those before."""
    names = {} if names is None else names
    for number, code in blocks_of(page).items():
        if number not in NOT_RUN.get(page, {}):
            code = code.replace(*replace)
            exec(compile(code, f"{page}, block {number}", "exec"), names)
    return names


@pytest.fixture
def place(smoke_run, smoke_data, tmp_path, monkeypatch):
    """A folder with the names that the pages give to runs and datasets."""
    for name, target in {
        "run": smoke_run,
        "saved_model": smoke_run / "saved_model",
        "data/RegDB": smoke_data,
        "images": smoke_data / "Thermal" / "1",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(target)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def dataset(smoke_data):
    return RegDB(smoke_data)


def test_every_page_with_code_is_run_by_a_test():
    for path in sorted((ROOT / "docs").glob("*.md")):
        if set(blocks_of(path.name)) > set(NOT_RUN.get(path.name, {})):
            test = ELSEWHERE.get(path.name, Path(__file__).name)
            source = (ROOT / "tests" / test).read_text()
            assert re.search(rf"\W{path.name}\W", source), path.name
    for page, reasons in NOT_RUN.items():
        assert set(reasons) <= set(blocks_of(page)), page


@pytest.mark.parametrize("page", ["layers.md", "search_your_model.md"])
def test_a_page_runs_from_top_to_bottom(page, place):
    with small_smoke():
        run_page(page)


def digits(seed):
    """Two batches of random images for the example."""
    generator = np.random.default_rng(seed)
    images = generator.uniform(size=(16, 28, 28, 1)).astype("float32")
    kinds = generator.integers(0, 10, 16).astype("int32")
    return tf.data.Dataset.from_tensor_slices((images, kinds)).batch(8)


def test_the_page_on_searching_runs(place, capsys):
    names = {"train_batches": digits(0), "proxy_batches": digits(1)}
    with small_smoke():
        run_page("search.md", names)
    assert (place / "architecture.json").exists()
    smaller, model = names["smaller"], names["model"]
    assert not find_gates(smaller)
    share = count_flops(smaller) / count_flops(model)
    assert abs(share - 0.5) < 0.05
    images = np.random.default_rng(2).uniform(size=(3, 28, 28, 1))
    np.testing.assert_allclose(smaller(images), model(images), atol=1e-5)
    printed = capsys.readouterr().out
    assert all(name in printed for name in named_gates(model))


def test_the_page_on_datasets_runs(place, capsys):
    names = run_page("datasets.md")
    assert "12" in capsys.readouterr().out
    images, labels = names["images"], names["labels"]
    assert images["visible"].shape == (32, 288, 144, 3)
    np.testing.assert_array_equal(labels["visible"], labels["infrared"])


class Averages:
    """A network that embeds an image as its smallest copy."""

    def encoder(self, modality):
        layer = keras.layers.AveragePooling2D((72, 48))
        image = keras.Input((288, 144, 3))
        pooled = keras.layers.Flatten()(layer(image))
        return keras.Model(image, pooled)


def test_the_page_on_evaluation_runs(place, dataset, capsys):
    names = run_page(
        "evaluation.md", {"network": Averages(), "dataset": dataset}
    )
    assert "R-1" in capsys.readouterr().out
    assert (place / "metrics.json").exists()
    low, high = names["confidence_intervals"](names["metrics"])["rank1"]
    assert low < 100 * names["metrics"].rank(1) < high
    assert len(names["similarity"]) == len(names["same_person"])


def test_the_page_on_the_report_runs(place, dataset):
    identities = [s.identity for s in dataset.query]
    queries = np.random.default_rng(0).normal(size=(len(identities), 8))
    metrics = retrieval_metrics(queries, queries, identities, identities)
    run_page(
        "report.md",
        {
            "baseline": metrics,
            "searched": metrics,
            "query_embeddings": queries,
            "gallery_embeddings": queries[::-1],
            "query_identities": identities,
            "gallery_identities": identities,
            "dataset": dataset,
        },
    )
    assert (place / "worst.png").stat().st_size > 10_000


def test_the_page_on_scale_runs(place):
    pandas = pytest.importorskip("pandas")
    files = sorted(map(str, Path("images").iterdir()))
    pandas.DataFrame({"path": files}).to_parquet("images.parquet")
    probes = np.eye(64, dtype="float32")[:2]
    names = run_page("scale.md", {"Gallery": Gallery, "probes": probes})
    assert list(place.glob("embeddings/*.parquet"))
    assert names["embedder"].modality == "infrared"


def test_what_several_hosts_would_run_can_be_made():
    def small_network(backbone):
        return reid_network("tiny", (32, 16, 3), 24, "dual", weights=None)

    (code,) = (x for x in blocks_of("scale.md").values() if "make_model" in x)
    code, _ = code.split("strategy = ")
    names = {}
    exec(compile(code, "scale.md", "exec"), names)
    names["reid_network"] = small_network
    assert isinstance(names["make_model"](), SearchModel)


def test_the_page_on_serving_runs(place):
    with StandInServer("saved_model", warm_up=False) as server:
        names = run_page(
            "serving.md", replace=("gpu-host:8500", server.grpc_address)
        )
    rows = np.array(names["embedding"])
    assert len(rows) == len(names["files"])


def test_the_page_on_weights_runs(monkeypatch):
    """With random weights, as ImageNet's and PyTorch's need a download."""
    make = functools.partial(keras.applications.MobileNetV2, weights=None)
    monkeypatch.setattr(keras.applications, "MobileNetV2", make)
    codes = blocks_of("weights.md").values()
    (code,) = [c for c in codes if "MobileNetV2" in c]
    names = {}
    exec(compile(code, "weights.md", "exec"), names)
    assert names["network"].encoder("visible").output_shape == (None, 1280)
    assert "block_5_add_channel" in named_gates(names["network"])


def test_the_other_calls_on_weights_are_ones_that_exist():
    """They need files or a download: their names and arguments are checked."""
    called = []

    def note(*arguments, **options):
        called.append((arguments, options))

    names = {"reid_network": note, "import_weights": note, "network": None}
    for code in blocks_of("weights.md").values():
        if "MobileNetV2" not in code:
            lines = [x for x in code.splitlines() if "from nfs" not in x]
            exec("\n".join(lines), names)
    accepted = {
        name
        for function in (import_weights, reid_network)
        for name in inspect.signature(function).parameters
    }
    assert len(called) >= 6
    assert all(set(options) <= accepted for _, options in called)
