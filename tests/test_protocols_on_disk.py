import numpy as np
from dataset_trees import make_llcm, make_regdb, make_sysu_mm01, spread

from nfs_keras.datasets import LLCM, SYSUMM01, RegDB
from nfs_keras.evaluation import (
    evaluate_llcm,
    evaluate_regdb,
    evaluate_sysu_mm01,
)


def knows_everyone(samples):
    """A different random direction for each person."""
    people = np.random.default_rng(0).normal(size=(2000, 32))
    return people[[sample.identity for sample in samples]]


def sysu_test_half(root):
    """SYSU-MM01's test people: 56 of the 96 are before indoor cameras."""
    test = range(1, 97)
    counts = {(6, person): 20 for person in test}
    counts |= spread(3, test[:56], 1088) | spread(3, test[56:], 795)
    counts |= {(camera, i): 1 for camera in (1, 2) for i in test[:56]}
    counts |= {(4, person): 1 for person in test}
    counts |= {(5, person): 1 for person in test[:93]}
    return make_sysu_mm01(root, [], [], test, counts)


def test_sysu_has_the_published_numbers_of_valid_queries(tmp_path):
    dataset = SYSUMM01(sysu_test_half(tmp_path))
    table = evaluate_sysu_mm01(knows_everyone, dataset, trials=(0,), shots=(1,))
    all_search, indoor = (row.trials[0] for row in table.rows)
    assert (all_search.num_valid_queries, indoor.num_valid_queries) == (
        3803,
        2208,
    )
    assert indoor.skipped == (
        "of 3,803 queries 1,595 have no match left in the gallery: "
        "1,595 identity absent, 0 camera rule"
    )
    assert all_search.mean_inp == indoor.mean_inp == 1


def test_regdb_is_read_and_scored(tmp_path):
    dataset = RegDB(make_regdb(tmp_path, images=4, trials=(1, 2)))
    embeds = dict.fromkeys((1, 2), knows_everyone)
    table = evaluate_regdb(embeds, dataset, ranks=(1,))
    for row in table.rows:
        assert row.mean == {"rank1": 100, "mean_ap": 100, "mean_inp": 100}
        assert row.num_valid_queries == [16, 16]


def test_llcm_is_read_and_scored_on_both_scales(tmp_path):
    root = make_llcm(tmp_path, 3, 60, 54, 4)
    for scoring in ("paper", "released"):
        dataset = LLCM(root, scoring=scoring)
        table = evaluate_llcm(
            knows_everyone, dataset, trials=(0, 5), ranks=(1,)
        )
        for row in table.rows:
            assert row.mean["mean_ap"] == 100
            assert [*row.trials] == [0, 5]
