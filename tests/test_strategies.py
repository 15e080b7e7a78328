import pytest
import tensorflow as tf

from nfs_keras.distribute.strategies import is_chief, make_strategy


def test_none_is_the_strategy_of_one_device():
    assert make_strategy("none").num_replicas_in_sync == 1


def test_mirrored_takes_the_devices_of_this_host():
    strategy = make_strategy("mirrored")
    assert isinstance(strategy, tf.distribute.MirroredStrategy)


def test_a_process_has_one_strategy_of_a_name():
    assert make_strategy("mirrored") is make_strategy("mirrored")


def test_an_unknown_strategy_raises():
    with pytest.raises(ValueError, match="Received: strategy='horovod'"):
        make_strategy("horovod")


class Cluster:
    """Stands in for the resolver of a process of a cluster."""

    def __init__(self, task_type, task_id, jobs):
        self.task_type = task_type
        self.task_id = task_id
        self.cluster_resolver = self
        self.jobs = jobs

    def cluster_spec(self):
        return self


@pytest.mark.parametrize(
    "task_type, task_id, jobs, chief",
    [
        (None, None, [], True),
        ("worker", 0, ["worker"], True),
        ("worker", 1, ["worker"], False),
        ("chief", 0, ["chief", "worker"], True),
        ("worker", 0, ["chief", "worker"], False),
    ],
)
def test_one_process_of_a_cluster_is_the_chief(task_type, task_id, jobs, chief):
    assert is_chief(Cluster(task_type, task_id, jobs)) == chief


def test_a_single_process_is_the_chief():
    assert is_chief(tf.distribute.get_strategy())
