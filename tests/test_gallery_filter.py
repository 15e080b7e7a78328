import numpy as np
import pytest

from nfs_keras.scale.gallery_checks import gallery_filter


@pytest.mark.parametrize(
    "where, expression",
    [
        ({}, ""),
        ({"camera": None}, ""),
        ({"camera": 3}, "camera in [3]"),
        ({"camera": np.array([1, 2])}, "camera in [1, 2]"),
        ({"modality": "visible"}, 'modality in ["visible"]'),
        ({"since": 10, "until": 20}, "time >= 10 and time < 20"),
        ({"identity": [5], "camera": 1}, "camera in [1] and identity in [5]"),
    ],
)
def test_conditions_become_an_expression(where, expression):
    assert gallery_filter(where) == expression


def test_a_value_cannot_break_out_of_its_quotes():
    hostile = 'visible"] or id != ["'
    assert gallery_filter({"modality": hostile}) == (
        'modality in ["visible\\"] or id != [\\""]'
    )


@pytest.mark.parametrize("value", [None, 3])
def test_an_unknown_field_raises_even_without_a_value(value):
    with pytest.raises(ValueError, match="filtered by camera, identity"):
        gallery_filter({"colour": value})


@pytest.mark.parametrize(
    "where",
    [
        {"camera": "1"},
        {"camera": [1, 2.5]},
        {"camera": []},
        {"modality": 1},
        {"since": "2026-01-01"},
        {"since": [1, 2]},
    ],
)
def test_a_value_of_the_wrong_kind_raises(where):
    (name,) = where
    with pytest.raises(ValueError, match=f"The filter `{name}` takes"):
        gallery_filter(where)
