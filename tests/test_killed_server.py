import concurrent.futures
import contextlib
import shutil
import signal
import time

import pytest
import requests
from exported_model import add_version, another_model, exported_model, images
from programs import Program, free_ports
from pyarrow import parquet

from nfs_keras.scale import embed_folder
from nfs_keras.serving import RemoteEmbedder, ServerError

SMALL = {"batch_size": 4, "shard_size": 40, "num_threads": 1, "verbose": 0}
NUM_IMAGES = 400


class Slow(RemoteEmbedder):
    """Gives the server time to find a new version during a run."""

    def embed(self, images):
        time.sleep(0.1)
        return super().embed(images)


@contextlib.contextmanager
def served(directory, ports):
    """A stand-in in a process of its own, once it answers."""
    words = ["-m", "nfs_keras.serving.stand_in", f"--directory={directory}"]
    words += [f"--port={ports[0]}", f"--rest_api_port={ports[1]}"]
    with Program(words, CUDA_VISIBLE_DEVICES="") as process:
        wait_for(lambda: "AVAILABLE" in states(ports).values())
        yield process


def states(ports):
    """Dict from version to state, as the server has it."""
    try:
        url = f"http://127.0.0.1:{ports[1]}/v1/models/nfs_reid"
        answer = requests.get(url, timeout=5).json()
    except requests.RequestException:
        return {}
    found = answer.get("model_version_status", [])
    return {entry["version"]: entry["state"] for entry in found}


def wait_for(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_server_killed_in_mid_swap_loses_no_image(tmp_path):
    (tmp_path / "images").mkdir()
    for number in range(NUM_IMAGES):
        path = tmp_path / "images" / f"{number:04d}.png"
        path.write_bytes(images(1, seed=number)[0])
    out, models = tmp_path / "out", tmp_path / "models"
    shutil.copytree(exported_model(), models / "1")
    another_model()
    ports = free_ports(2)
    address = f"127.0.0.1:{ports[0]}"

    with (
        served(models, ports) as server,
        concurrent.futures.ThreadPoolExecutor(1) as threads,
    ):
        embedder = Slow(address, "visible", timeout=20)
        run = threads.submit(
            embed_folder, tmp_path / "images", out, embedder, **SMALL
        )
        wait_for(lambda: list(out.glob("*.parquet")))
        add_version(models)
        wait_for(lambda: states(ports).get("2") == "LOADING")
        server.send_signal(signal.SIGKILL)
        with pytest.raises(ServerError, match="UNAVAILABLE"):
            run.result()
    done = parquet.read_table(out).num_rows
    assert 0 < done < NUM_IMAGES

    with served(models, ports):
        wait_for(lambda: len(states(ports)) == 2)
        newest = RemoteEmbedder(address, "visible")
        with pytest.raises(ValueError, match="one model and modality"):
            embed_folder(tmp_path / "images", out, newest, **SMALL)
        same = RemoteEmbedder(address, "visible", version=embedder.version)
        counts = embed_folder(tmp_path / "images", out, same, **SMALL)
    assert counts == (NUM_IMAGES - done, 0, done)
    ids = parquet.read_table(out)["id"].to_pylist()
    assert len(ids) == len(set(ids)) == NUM_IMAGES
