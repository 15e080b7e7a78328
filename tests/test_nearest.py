import numpy as np
import pytest

from nfs_keras.evaluation import top_k
from nfs_keras.evaluation.nearest import best


@pytest.mark.parametrize("levels", [2, 100, 10**6])
@pytest.mark.parametrize("length", [1, 20, 1024, 5000])
def test_the_best_are_the_head_of_a_stable_sort(length, levels):
    row = np.random.default_rng(length).integers(0, levels, length) * 1.0
    for k in {1, min(7, length), length}:
        expected = np.argsort(-row, kind="stable")[:k]
        np.testing.assert_array_equal(best(row, k), expected)


def test_a_rising_row_is_the_worst_case_and_still_right():
    row = np.arange(9000.0)
    np.testing.assert_array_equal(best(row, 3), [8999, 8998, 8997])


def test_neighbours_are_the_same_in_any_memory():
    rng = np.random.default_rng(0)
    query, gallery = rng.normal(size=(13, 6)), rng.normal(size=(3000, 6))
    similarities, indices = top_k(query, gallery, 5)
    unit = [
        x / np.linalg.norm(x, axis=1, keepdims=True) for x in (query, gallery)
    ]
    expected = unit[0] @ unit[1].T
    order = np.argsort(-expected, axis=1)[:, :5]
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_allclose(
        similarities, np.take_along_axis(expected, order, 1), atol=1e-12
    )
    narrow = top_k(query, gallery, 5, memory=3000 * 8 * 4, threads=1)
    np.testing.assert_array_equal(narrow[1], indices)


def test_a_gallery_may_lie_on_disk(tmp_path):
    rng = np.random.default_rng(0)
    gallery = rng.normal(size=(50, 4)).astype(np.float32)
    np.save(tmp_path / "gallery.npy", gallery)
    mapped = np.load(tmp_path / "gallery.npy", mmap_mode="r")
    _, indices = top_k(gallery[:7], mapped, 1)
    np.testing.assert_array_equal(indices[:, 0], np.arange(7))


@pytest.mark.parametrize("k", [0, 4])
def test_a_k_beyond_the_gallery_raises(k):
    with pytest.raises(ValueError, match=f"Received: k={k}"):
        top_k(np.ones((1, 2)), np.ones((3, 2)), k)
