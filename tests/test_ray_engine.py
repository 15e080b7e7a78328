import inspect
import os
import pathlib
import signal
import subprocess
import sys

import numpy as np
import pytest
import ray
from fake_embedder import FakeEmbedder, write_images
from pyarrow import parquet
from tiny_saved_model import DIM, png, save_tiny_model

from nfs_keras.scale import Embedder, embed_folder

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
# hang: another process has them. A GPU in name only is counted as asked for.
HEAD = """
import ray

options = {"num_cpus": 2, "num_gpus": 1, "include_dashboard": False}
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
        env={**os.environ, "RAY_AUTH_MODE": "disabled"},
    ) as head:
        ray.init(
            address=head.stdout.readline().strip(),
            log_to_driver=False,
            runtime_env={"env_vars": {"PYTHONPATH": path}},
        )
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


def test_ray_and_the_local_engine_write_the_same_rows_once(
    cluster, folder, embedder, tmp_path
):
    here = embed_folder(folder, tmp_path / "here", embedder, **SMALL)
    there = tmp_path / "there"
    counts = embed_folder(folder, there, embedder, engine="ray", **SMALL)
    assert counts == here == (30, 1, 0)
    assert rows(there) == rows(tmp_path / "here")
    assert len(list(there.glob("_bad-*.csv"))) == 1
    again = embed_folder(folder, there, embedder, engine="ray", **SMALL)
    assert again == (0, 0, 31)


class DyingEmbedder(FakeEmbedder):
    """Kills its own process the first time that it sees one image.

    Writes a line whenever a copy of it arrives in a process.
    """

    def __init__(self, log):
        super().__init__()
        self.log = log

    def __setstate__(self, state):
        self.__dict__.update(state)
        gpus = ray.get_runtime_context().get_accelerator_ids()["GPU"]
        with self.log.open("a") as file:
            file.write(f"{gpus}\n")

    def embed(self, images):
        died = self.log.with_name("died")
        if b"image 13" in images and not died.exists():
            died.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().embed(images)


def test_an_actor_that_dies_loses_nothing_and_repeats_nothing(
    cluster, tmp_path
):
    """Each has its GPU, and one model for all of its shards."""
    folder = write_images(tmp_path / "images", num_images=40)
    dying = DyingEmbedder(tmp_path / "log")
    out = tmp_path / "out"
    options = {"engine": "ray", "num_workers": 1, "num_gpus": 1, **SMALL}
    counts = embed_folder(folder, out, dying, **options)
    assert counts == (40, 0, 0)
    ids = [row["id"] for row in rows(out)]
    assert len(ids) == len(set(ids)) == 40
    assert len(list(out.glob("*.parquet"))) == 5
    first, second = dying.log.read_text().splitlines()
    assert first == second == "['0']"


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
