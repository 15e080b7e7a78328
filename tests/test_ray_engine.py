import inspect
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import ray
from fake_embedder import DyingEmbedder, FakeEmbedder, write_images
from pyarrow import parquet
from tiny_saved_model import DIM, png, save_tiny_model

from nfs_keras.scale import Embedder, embed_folder
from nfs_keras.scale.shards import shard_paths

# Ray 2.60 uses what it deprecates itself, and leaves sockets to be collected.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings(
        "ignore::pytest.PytestUnraisableExceptionWarning"
    ),
]
SMALL = {"batch_size": 4, "shard_size": 10, "verbose": 0}


# Ray forks its servers, and a fork of a process with TensorFlow's threads can
# hang: another process has them. GPUs in name only are counted as asked for.
HEAD = """
import ray

options = {"num_cpus": 2, "num_gpus": 2, "include_dashboard": False}
print(ray.init(**options).address_info["address"], flush=True)
input()
"""


@pytest.fixture(scope="module")
def cluster():
    tests = pathlib.Path(__file__).parent
    path = os.pathsep.join([str(tests.parent), str(tests)])
    with subprocess.Popen(
        [sys.executable, "-c", HEAD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "RAY_AUTH_MODE": "disabled", "PYTHONPATH": path},
    ) as head:
        ray.init(head.stdout.readline().strip(), log_to_driver=False)
        yield
        ray.shutdown()
        head.communicate("\n")


def rows(directory):
    table = parquet.read_table(directory).to_pylist()
    return sorted(table, key=lambda row: row["id"])


def test_ray_writes_the_rows_of_the_local_engine_once_though_an_actor_dies(
    cluster, tmp_path
):
    """Each actor has its GPU, and one model for all of its shards."""
    folder = write_images(tmp_path / "images", num_images=30)
    (folder / "broken.png").write_bytes(b"broken")
    here, there = tmp_path / "here", tmp_path / "there"
    dying = DyingEmbedder(fatal=b"image 13", log=tmp_path / "log")
    options = {"engine": "ray", "num_workers": 2, "num_gpus": 1, **SMALL}
    expected = embed_folder(folder, here, FakeEmbedder(), **SMALL)
    counts = embed_folder(folder, there, dying, **options)
    assert counts == expected == (30, 1, 0)
    assert rows(there) == rows(here)
    ids = [row["id"] for row in rows(there)]
    assert len(ids) == len(set(ids)) == 30
    names = [path.name for path in shard_paths(there)]
    assert names == [path.name for path in shard_paths(here)]
    assert len(list(there.glob("_bad-*.csv"))) == 1
    # An arrival for each actor, and one for that which replaces the dead one.
    arrivals = dying.log.read_text().splitlines()
    assert len(arrivals) == 3 and set(arrivals) == {"['0']", "['1']"}
    again = embed_folder(folder, there, dying, **options)
    assert again == (0, 0, 31)


def test_the_extra_brings_what_ray_train_needs():
    from ray.train.tensorflow import TensorflowTrainer

    parameters = inspect.signature(TensorflowTrainer).parameters
    assert {"train_loop_per_worker", "scaling_config"} <= set(parameters)


def test_the_embedder_itself_is_a_ray_actor(cluster, tmp_path):
    model = save_tiny_model(tmp_path / "model" / "1")
    rng = np.random.default_rng(0)
    files = [*(png(rng) for _ in range(9)), b"broken"]
    folder = tmp_path / "images"
    folder.mkdir()
    for number, contents in enumerate(files):
        (folder / f"{number}.png").write_bytes(contents)
    dataset = ray.data.read_binary_files(str(folder), include_paths=True)
    outputs = dataset.map_batches(
        Embedder,
        fn_constructor_args=(model, "visible", "bytes"),
        compute=ray.data.ActorPoolStrategy(size=1),
        batch_size=4,
    ).take_all()
    expected = Embedder(model, "visible")(files)
    assert len(outputs) == len(expected) == 10
    for row in outputs:
        number = int(pathlib.Path(row["path"]).stem)
        assert row["embedding"].shape == (DIM,)
        np.testing.assert_allclose(
            row["embedding"], expected[number], atol=1e-6
        )
    assert sum(row["valid"] for row in outputs) == 9
