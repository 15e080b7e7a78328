import numpy as np
import pytest

from nfs_keras.scale.gallery_checks import (
    check_embeddings,
    check_gallery_ids,
    check_scalars,
    gallery_filter,
)


@pytest.mark.parametrize("ids", ["abc", b"abc"])
def test_one_string_is_not_a_list_of_ids(ids):
    with pytest.raises(ValueError, match=r"ids=b?'abc'. Write `\[id\]`"):
        check_gallery_ids(ids)


@pytest.mark.parametrize("dim", [None, 8])
def test_no_embedding_may_be_an_empty_list(dim):
    assert check_embeddings([], None, dim).shape == (0, dim or 0)


def test_one_vector_is_told_the_shape_of_several():
    with pytest.raises(ValueError, match=r"shape \(N, 4\).*shape=\(4,\)"):
        check_embeddings(np.ones(4), None, 4)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_an_integer_beyond_64_bits_raises(number):
    with pytest.raises(ValueError, match=f"time={number}"):
        check_scalars(1, "visible", time=number)
    with pytest.raises(ValueError, match="The filter `since` takes integers"):
        gallery_filter({"since": number})
