import threading

import pytest

from nfs_keras.scale.shard_embedder import ahead, grouped


@pytest.mark.parametrize("num_threads", [1, 3])
def test_ahead_keeps_the_order(num_threads):
    results = ahead(lambda x: x * x, iter(range(50)), num_threads)
    assert list(results) == [x * x for x in range(50)]


def test_ahead_holds_no_more_items_than_its_threads_and_one():
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    results = ahead(lambda x: x, items(), num_threads=4)
    for done in range(100):
        assert next(results) == done
        assert len(taken) <= done + 4 + 1


def test_ahead_maps_several_items_at_once():
    together = threading.Barrier(3, timeout=30)
    results = ahead(lambda _: together.wait(), iter(range(3)), num_threads=3)
    assert sorted(results) == [0, 1, 2]


def test_an_error_of_a_thread_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        list(ahead(lambda x: 1 / x, iter([1, 0, 1]), num_threads=2))


def test_groups_are_whole_but_the_last():
    assert list(grouped(iter("abcdefg"), 3)) == [
        ["a", "b", "c"],
        ["d", "e", "f"],
        ["g"],
    ]
    assert list(grouped(iter(""), 3)) == []
