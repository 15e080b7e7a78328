import inspect
import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest
import ray
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for number in range(30):
        (folder / f"{number:02d}.png").write_bytes(png(rng))
    (folder / "broken.png").write_bytes(b"broken")
    return folder


@pytest.fixture(scope="module")
def embedder(tmp_path_factory):
    model = save_tiny_model(tmp_path_factory.mktemp("model") / "1")
    return Embedder(model, "visible")


def rows(directory):
    table = parquet.read_table(directory).to_pylist()
    return sorted(table, key=lambda row: row["id"])


class DyingEmbedder(Embedder):
    """Kills its own process the first time that it sees one image.

    Writes a line whenever a copy of it arrives in a process.
    """

    def __init__(self, model, modality, log, fatal):
        super().__init__(model, modality)
        self.log, self.fatal = log, fatal

    def __setstate__(self, state):
        super().__setstate__(state)
        gpus = ray.get_runtime_context().get_accelerator_ids()["GPU"]
        with self.log.open("a") as file:
            file.write(f"{gpus}\n")

    def embed(self, images):
        died = self.log.with_name("died")
        if self.fatal in images and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().embed(images)


def test_ray_writes_the_rows_of_the_local_engine_once_though_an_actor_dies(
    cluster, folder, embedder, tmp_path
):
    """Each actor has its GPU, and one model for all of its shards."""
    here, there = tmp_path / "here", tmp_path / "there"
    log, fatal = tmp_path / "log", (folder / "13.png").read_bytes()
    dying = DyingEmbedder(embedder.saved_model, "visible", log, fatal)
    options = {"engine": "ray", "num_workers": 2, "num_gpus": 1, **SMALL}
    expected = embed_folder(folder, here, embedder, **SMALL)
    counts = embed_folder(folder, there, dying, **options)
    assert counts == expected == (30, 1, 0)
    assert rows(there) == rows(here)
    ids = [row["id"] for row in rows(there)]
    assert len(ids) == len(set(ids)) == 30
    names = [path.name for path in shard_paths(there)]
    assert names == [path.name for path in shard_paths(here)]
    assert len(list(there.glob("_bad-*.csv"))) == 1
    # An arrival for each actor, and one for that which replaces the dead one.
    arrivals = log.read_text().splitlines()
    assert len(arrivals) == 3 and set(arrivals) == {"['0']", "['1']"}
    again = embed_folder(folder, there, dying, **options)
    assert again == (0, 0, 31)


def test_the_extra_brings_what_ray_train_needs():
    from ray.train.tensorflow import TensorflowTrainer

    parameters = inspect.signature(TensorflowTrainer).parameters
    assert {"train_loop_per_worker", "scaling_config"} <= set(parameters)


def test_the_embedder_itself_is_a_ray_actor(cluster, folder, embedder):
    dataset = ray.data.read_binary_files(str(folder), include_paths=True)
    outputs = dataset.map_batches(
        Embedder,
        fn_constructor_args=(embedder.saved_model, "visible", "bytes"),
        compute=ray.data.ActorPoolStrategy(size=1),
        batch_size=8,
    ).take_all()
    expected = {
        str(path): embedder([path.read_bytes()])[0] for path in folder.iterdir()
    }
    assert len(outputs) == len(expected) == 31
    for row in outputs:
        assert row["embedding"].shape == (DIM,)
        np.testing.assert_allclose(
            row["embedding"], expected[row["path"]], atol=1e-6
        )
    assert sum(row["valid"] for row in outputs) == 30
