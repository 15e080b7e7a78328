import json

import numpy as np
import pytest
from evaluation_datasets import Embed, FakeLLCM, FakeSYSUMM01

from nfs_keras.evaluation import (
    calibrate,
    calibrate_searches,
    labelled_pairs,
)


def random_pairs(seed=0, dim=6, noise=0.8):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(10, dim))
    identities = rng.integers(0, 10, 40), rng.integers(0, 10, 50)
    sides = [
        centres[labels] + noise * rng.normal(size=(len(labels), dim))
        for labels in identities
    ]
    return [
        x / np.linalg.norm(x, axis=1, keepdims=True) for x in sides
    ], identities


def test_rates_equal_those_of_all_pairs():
    (query, gallery), (q, g) = random_pairs()
    calibration = calibrate(query, gallery, q, g)
    similarity = query @ gallery.T
    same = q[:, None] == g
    assert calibration.num_matching == same.sum()
    assert calibration.num_other == (~same).sum()
    for i, threshold in enumerate(calibration.thresholds):
        passed = similarity >= threshold - 1e-12
        assert calibration.true_positive_rates[i] == passed[same].mean()
        assert calibration.false_positive_rates[i] == passed[~same].mean()


def test_hidden_pairs_do_not_count():
    (query, gallery), (q, g) = random_pairs()
    rng = np.random.default_rng(1)
    cameras = rng.choice([3, 6], len(q)), rng.choice([1, 2, 4, 5], len(g))
    calibration = calibrate(query, gallery, q, g, *cameras, "sysu_mm01")
    seen = ~((cameras[0][:, None] == 3) & (cameras[1] == 2))
    same = q[:, None] == g
    assert calibration.num_matching == (seen & same).sum()
    assert calibration.num_other == (seen & ~same).sum()


def test_memory_changes_nothing():
    sides, labels = random_pairs()
    whole = calibrate(*sides, *labels)
    narrow = calibrate(*sides, *labels, memory=50 * 8 * 3)
    np.testing.assert_allclose(narrow.thresholds, whole.thresholds, atol=1e-12)
    np.testing.assert_array_equal(
        narrow.false_positive_rates, whole.false_positive_rates
    )


def test_errors_are_equal_at_the_threshold():
    sides, labels = random_pairs(noise=1.5)
    calibration = calibrate(*sides, *labels)
    similarity = sides[0] @ sides[1].T
    same = labels[0][:, None] == labels[1]
    passed = similarity >= calibration.threshold
    one_pair = 1 / same.sum()
    wrong, missed = passed[~same].mean(), 1 - passed[same].mean()
    assert wrong == pytest.approx(calibration.equal_error_rate, abs=one_pair)
    assert missed == pytest.approx(calibration.equal_error_rate, abs=one_pair)


def test_separated_people_have_no_error():
    calibration = calibrate(np.eye(3), np.eye(3), [0, 1, 2], [0, 1, 2])
    assert calibration.equal_error_rate == 0
    assert 0 < calibration.threshold <= 1
    point = calibration.at_false_positive_rate(0)
    assert point == (1.0, 1.0, 0.0)


def test_inverted_similarities_have_nothing_but_errors():
    calibration = calibrate(np.eye(2), 1 - np.eye(2), [0, 1], [0, 1])
    assert calibration.equal_error_rate == 1
    point = calibration.at_false_positive_rate(0.5)
    assert point == (np.inf, 0, 0)


def test_a_rate_is_never_exceeded():
    sides, labels = random_pairs(noise=1.5)
    calibration = calibrate(*sides, *labels)
    for rate in (0.001, 0.01, 0.1, 0.5):
        point = calibration.at_false_positive_rate(rate)
        assert point.false_positive_rate <= rate
        better = calibration.true_positive_rates > point.true_positive_rate
        assert (calibration.false_positive_rates[better] > rate).all()


def test_a_calibration_becomes_json():
    sides, labels = random_pairs()
    saved = json.loads(json.dumps(calibrate(*sides, *labels).to_dict(20)))
    assert len(saved["roc"]["fpr"]) == len(saved["roc"]["tpr"]) == 20
    assert saved["roc"]["tpr"][-1] == 1
    assert 0 <= saved["equal_error_rate"] <= 1


@pytest.mark.parametrize("labels", [([0, 1], [2, 3]), ([0, 0], [0, 0])])
def test_both_kinds_of_pairs_are_needed(labels):
    with pytest.raises(ValueError, match="0 (matching|other)"):
        calibrate(np.eye(2), np.eye(2), *labels)


def seen_pairs(search, hides):
    """All pairs of a search that `hides` lets be seen: cosine and label."""
    pairs = [
        (q, g) for q in search.query for g in search.gallery if not hides(q, g)
    ]
    sides = (Embed()(side) for side in zip(*pairs, strict=True))
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in sides]
    same = np.array([q.identity == g.identity for q, g in pairs])
    return np.sum(unit[0] * unit[1], axis=1), same


RULES = {
    FakeSYSUMM01: lambda q, g: {q.camera, g.camera} == {2, 3},
    FakeLLCM: lambda q, g: (q.camera, q.identity) == (g.camera, g.identity),
}


@pytest.mark.parametrize("reader", RULES)
def test_each_direction_is_calibrated_by_its_camera_rules(reader):
    dataset = reader()
    searches = dataset.both_directions(dataset.test)
    calibrations = calibrate_searches(Embed(), searches)
    pairs = labelled_pairs(Embed(), searches)
    assert (
        [*calibrations]
        == [*pairs]
        == [
            "visible_to_infrared",
            "infrared_to_visible",
        ]
    )
    for search in searches:
        similarity, same = seen_pairs(search, RULES[reader])
        calibration = calibrations[search.direction]
        assert calibration.num_matching == same.sum()
        assert calibration.num_other == (~same).sum()
        for kind in (True, False):
            found = pairs[search.direction][0][
                pairs[search.direction][1] == kind
            ]
            np.testing.assert_allclose(
                np.sort(found), np.sort(similarity[same == kind]), atol=1e-12
            )


def test_of_many_images_evenly_spaced_ones_are_paired():
    dataset = FakeLLCM()
    searches = dataset.both_directions(dataset.test)
    for similarity, same in labelled_pairs(Embed(), searches, 36).values():
        assert len(similarity) == len(same) == 36 * 36 - 6 * 3 * 2 * 2
