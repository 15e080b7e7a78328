import csv
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import distributed_search
import keras
import numpy as np
import pytest
import tensorflow as tf

from nfs_keras.scale import train_on_strategy

PROGRAM = pathlib.Path(distributed_search.__file__)
EPOCHS = 3


STARTED = []


@pytest.fixture(autouse=True)
def no_process_is_left():
    yield
    for process in STARTED:
        process.kill()
        process.wait()
    STARTED.clear()


def start(kind, folder, epochs=EPOCHS, pause=0, task=None):
    """Starts the program in a process of its own."""
    environment = {
        **os.environ,
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONPATH": str(PROGRAM.parent.parent),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    if task is not None:
        environment["TF_CONFIG"] = json.dumps(task)
    command = [sys.executable, PROGRAM, kind, folder, epochs, pause]
    command = [str(part) for part in command]
    STARTED.append(subprocess.Popen(command, env=environment))
    return STARTED[-1]


def free_ports(number):
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def start_workers(folder, pause=0, kind="multi_worker"):
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    return [
        start(
            kind,
            folder,
            pause=pause,
            task={
                "cluster": {"worker": addresses},
                "task": {"type": "worker", "index": index},
            },
        )
        for index in range(2)
    ]


@pytest.fixture(scope="module")
def single(tmp_path_factory):
    """The state, and the logs, of one device on the same global batches."""
    log = keras.callbacks.History()
    model = distributed_search.train(
        tf.distribute.get_strategy(),
        tmp_path_factory.mktemp("single"),
        EPOCHS,
        chief_callbacks=[log],
    )
    return distributed_search.state(model), log.history


def check_equal(path, expected):
    with np.load(path) as found:
        assert set(found) == set(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(
                found[name], value, rtol=1e-5, atol=1e-5, err_msg=name
            )


def check_logs(path, expected):
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == list(range(EPOCHS))
    for name, values in expected.items():
        found = [float(row[name]) for row in rows if row[name]]
        np.testing.assert_allclose(found, values, rtol=1e-4, err_msg=name)


def test_two_devices_of_a_host_equal_one_device(single, tmp_path):
    assert start("mirrored", tmp_path).wait(timeout=300) == 0
    check_equal(tmp_path / "mirrored.npz", single[0])
    check_logs(tmp_path / "mirrored.csv", single[1])


def test_two_workers_one_killed_and_restarted_equal_one_device(
    single, tmp_path
):
    workers = start_workers(tmp_path, pause=300)
    while not list(tmp_path.glob("checkpoints/last-0001*")):
        assert all(worker.poll() is None for worker in workers)
        time.sleep(0.05)
    workers[1].kill()
    time.sleep(1)
    workers[0].kill()  # by itself it fails too, but waits long before
    for worker in workers:
        assert worker.wait() == -signal.SIGKILL
    assert list(tmp_path.glob("*.npz")) == []

    for worker in start_workers(tmp_path):
        assert worker.wait(timeout=300) == 0
    for index in range(2):
        check_equal(tmp_path / f"multi_worker{index}.npz", single[0])
    check_logs(tmp_path / "multi_worker.csv", single[1])
    (last,) = (tmp_path / "checkpoints").iterdir()
    assert last.name.startswith("last-0003")


def test_training_stops_when_a_callback_stops_it(tmp_path):
    log = keras.callbacks.History()
    distributed_search.train(
        tf.distribute.get_strategy(),
        tmp_path,
        EPOCHS,
        chief_callbacks=[log, distributed_search.StopOnChief()],
    )
    assert log.epoch == [0]


def test_workers_stop_together_when_one_of_them_stops(tmp_path):
    for worker in start_workers(tmp_path, kind="multi_worker_stopped"):
        assert worker.wait(timeout=300) == 0
    (last,) = (tmp_path / "checkpoints").iterdir()
    assert last.name.startswith("last-0001")


def test_an_epoch_without_steps_raises(tmp_path):
    strategy = tf.distribute.get_strategy()
    with pytest.raises(ValueError, match="steps_per_epoch=0"):
        train_on_strategy(strategy, None, None, 1, 0, tmp_path)
