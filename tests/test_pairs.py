"""The pairs of a batch, against counting."""

import numpy as np
from keras import ops

from nfs_keras.losses.pairs import (
    addons_distances,
    masked_maximum,
    masked_minimum,
    negative_pairs,
    positive_pairs,
    same_identity,
)

IDENTITIES = ops.convert_to_tensor([4, 4, 2, 4])


def test_each_pair_is_itself_or_positive_or_negative():
    parts = [
        np.eye(4, dtype=bool),
        ops.convert_to_numpy(positive_pairs(IDENTITIES)),
        ops.convert_to_numpy(negative_pairs(IDENTITIES)),
    ]
    assert np.all(np.sum(parts, axis=0) == 1)


def test_pairs_of_one_identity_are_symmetric():
    same = ops.convert_to_numpy(same_identity(IDENTITIES))
    assert np.all(same == same.T)
    assert same[0].tolist() == [True, True, False, True]


def test_masked_extremes_look_only_where_the_mask_holds():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(5, 7)).astype("float32")
    mask = rng.uniform(size=(5, 7)) < 0.5
    mask[:, 3] = True
    for row in range(5):
        chosen = values[row][mask[row]]
        assert masked_maximum(values, mask)[row] == chosen.max()
        assert masked_minimum(values, mask)[row] == chosen.min()


def test_masked_extremes_of_nothing_are_finite():
    values = np.array([[3.0, -1.0]], "float32")
    nothing = np.zeros((1, 2), bool)
    assert float(masked_maximum(values, nothing)[0]) == -1.0
    assert float(masked_minimum(values, nothing)[0]) == 3.0


def test_every_named_metric_finds_a_row_at_no_distance_from_itself():
    rows = 50 * np.random.default_rng(0).normal(size=(6, 40))
    for metric in ("L2", "squared-L2", "angular"):
        distances = addons_distances(rows.astype("float32"), metric)
        np.testing.assert_allclose(np.diag(distances), 0.0, atol=1e-6)
