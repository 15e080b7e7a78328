"""What several devices or workers train is what one device trains."""

import contextlib
import csv
import itertools
import json
import signal
import time

import distributed_search
import global_batch
import keras
import mirrored_fit
import numpy as np
import pytest
import tensorflow as tf
import two_devices
from programs import Program, free_ports, run

from nfs_keras.distribute import train_on_strategy

EPOCHS = distributed_search.EPOCHS


@contextlib.contextmanager
def two_workers(folder, pause=0):
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}
    words = [distributed_search.__file__, folder, pause]
    with contextlib.ExitStack() as stack:
        workers = []
        for index in range(2):
            task = {"type": "worker", "index": index}
            config = json.dumps({"cluster": cluster, "task": task})
            worker = Program(words, CUDA_VISIBLE_DEVICES="", TF_CONFIG=config)
            workers.append(stack.enter_context(worker))
        yield workers


@pytest.fixture
def own_draws(monkeypatch):
    """Gives back to the replicas noise of their own after a test."""
    generator = distributed_search.ReplicaSeedGenerator
    monkeypatch.setattr(generator, "next", generator.next)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The folder of what two devices have computed."""
    folder = tmp_path_factory.mktemp("two_devices")
    run([two_devices.__file__, folder], timeout=600, check=True)
    return folder


def arrays(path):
    with np.load(path) as file:
        return dict(file)


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    """The state, and the logs, of one device on the same global batches."""
    log = keras.callbacks.History()
    generator = distributed_search.ReplicaSeedGenerator
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generator, "next", generator.next)
        distributed_search.share_draws()
        model = distributed_search.train(
            tf.distribute.get_strategy(),
            tmp_path_factory.mktemp("single"),
            chief_callbacks=[log],
        )
    return distributed_search.state(model), log


def check_equal(found, expected, rtol=1e-5, atol=1e-5):
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol, atol, err_msg=name)


def check_logs(path, expected):
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == list(range(EPOCHS))
    for name, values in expected.items():
        found = [float(row[name]) for row in rows if row[name]]
        np.testing.assert_allclose(found, values, rtol=1e-4, err_msg=name)


def test_a_loss_on_two_devices_is_that_of_one_device_on_all_rows(found):
    """Loss, parts and gradients; each replica alone would find others."""
    expected = global_batch.one_device()
    check_equal(arrays(found / "loss.npz"), expected, atol=1e-6)
    alone = global_batch.replicas_alone()
    assert abs(alone - expected["loss"]) > 0.01  # what is gathered matters


def test_every_replica_draws_noise_of_its_own(found):
    noise = arrays(found / "noise.npz")
    for a, b in itertools.combinations(noise["samples"], 2):
        assert np.any(a != b)
    assert noise["frozen"]


def test_fit_on_two_devices_searches_as_on_one(found, own_draws):
    """Weights, logits, both optimizers, losses, metrics and evaluation."""
    distributed_search.share_draws()
    expected = mirrored_fit.train(mirrored_fit.make_search())
    mirrored = arrays(found / "fit.npz")
    message = str(mirrored.pop("rejected"))
    check_equal(mirrored, expected, rtol=1e-4)
    assert "optimizer=SGD, with 2 replicas. Pass mode='first_order'" in message


def test_training_stops_when_a_callback_stops_it(single):
    assert single[1].params["epochs"] == EPOCHS + 1
    assert single[1].epoch == list(range(EPOCHS))


def test_two_devices_of_a_host_equal_one_device(single, found):
    check_equal(arrays(found / "mirrored.npz"), single[0])
    check_logs(found / "mirrored.csv", single[1].history)


def test_two_workers_killed_and_restarted_equal_one_device(single, tmp_path):
    """They stop together too, when a callback stops one of them."""
    with two_workers(tmp_path, pause=300) as workers:
        # Between steps: in a step the one would fail of the other's death.
        while not all("waits" in worker.printed()[0] for worker in workers):
            assert all(worker.poll() is None for worker in workers)
            time.sleep(0.05)
        for worker in workers:
            worker.send_signal(signal.SIGKILL)
        for worker in workers:
            assert worker.wait() == -signal.SIGKILL
    assert list(tmp_path.glob("*.npz")) == []
    assert list(tmp_path.glob("checkpoints/last-0001*"))

    with two_workers(tmp_path) as workers:
        for worker in workers:
            assert worker.wait(timeout=300) == 0, worker.printed()
    for index in range(2):
        check_equal(arrays(tmp_path / f"worker{index}.npz"), single[0])
    check_logs(tmp_path / "worker0.csv", single[1].history)
    (last,) = (tmp_path / "checkpoints").iterdir()
    assert last.name.startswith(f"last-000{EPOCHS}")


def test_an_epoch_without_steps_raises(tmp_path):
    strategy = tf.distribute.get_strategy()
    with pytest.raises(ValueError, match="steps_per_epoch=0"):
        train_on_strategy(strategy, None, None, 1, 0, tmp_path)
