import dataclasses

import pytest

from nfs_keras.evaluation import (
    LLCM,
    REGDB,
    SYSU_ALL_SEARCH,
    SYSU_INDOOR_SEARCH,
    Protocol,
    retrieval_metrics,
)


def score(protocol, query_camera, gallery_camera):
    return retrieval_metrics(
        [[1.0]],
        [[1.0]],
        [1],
        [1],
        [query_camera],
        [gallery_camera],
        protocol,
        ranks=(1,),
    )


@pytest.mark.parametrize("cameras", [(1, 3), (2, 6), (0, 3), (7, 1)])
def test_swapped_or_miscounted_cameras_raise(cameras):
    with pytest.raises(ValueError, match="have been swapped"):
        score(SYSU_ALL_SEARCH, *cameras)


def test_indoor_search_has_indoor_cameras_only():
    assert score(SYSU_ALL_SEARCH, 6, 4).rank(1) == 1
    with pytest.raises(ValueError, match=r"gallery_cameras with \[4\]"):
        score(SYSU_INDOOR_SEARCH, 6, 4)


def test_only_rules_about_cameras_need_cameras():
    assert not REGDB.needs_cameras
    assert LLCM.needs_cameras
    assert SYSU_ALL_SEARCH.needs_cameras


def test_a_protocol_is_a_value():
    assert REGDB == Protocol("RegDB")
    with pytest.raises(dataclasses.FrozenInstanceError):
        REGDB.name = "other"


def test_a_curve_counts_images_or_identities():
    with pytest.raises(ValueError, match="counts='cameras'"):
        Protocol("mine", counts="cameras")
