import numpy as np
from fake_run import write_run_folder

from nfs_keras.evaluation import LLCM, REGDB, SYSU_ALL_SEARCH
from nfs_keras.report.run import Embeddings, Run
from nfs_keras.report.tell_mistakes import (
    find_rules,
    hidden_pictures,
    tell_mistakes,
)


def side(cameras, identities):
    empty = np.zeros(len(cameras))
    return Embeddings(
        empty, np.array(identities), np.array(cameras), empty, empty
    )


def test_sysu_hides_camera_2_from_camera_3():
    query, gallery = side([3, 6], [1, 1]), side([1, 2, 2], [1, 1, 9])
    hidden = hidden_pictures(SYSU_ALL_SEARCH, query, gallery)
    np.testing.assert_array_equal(
        hidden(np.array([0, 1])), [[0, 1, 1], [0, 0, 0]]
    )


def test_llcm_hides_the_same_person_before_the_same_camera():
    query, gallery = side([3, 6], [1, 1]), side([3, 3, 6], [1, 9, 1])
    hidden = hidden_pictures(LLCM, query, gallery)
    np.testing.assert_array_equal(
        hidden(np.array([1, 0])), [[0, 0, 1], [1, 0, 0]]
    )


def test_rules_go_by_the_name_of_the_dataset():
    assert find_rules("llcm") is LLCM
    assert find_rules("sysu_mm01") is SYSU_ALL_SEARCH
    assert find_rules("regdb") is find_rules(None) is REGDB


def test_worst_and_best_are_told_in_both_directions(tmp_path):
    run = Run(write_run_folder(tmp_path / "run"))
    strips = [x for x in tell_mistakes(run) if x.kind == "strip"]
    assert len(strips) == 8
    for strip in strips:
        assert len(strip.tiles) == 11
        assert strip.tiles[0].right is None
        assert all(tile.uri for tile in strip.tiles)
