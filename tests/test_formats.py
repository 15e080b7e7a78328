import math

import pytest

from nfs_keras.report.formats import decimal, duration, flat, plain, short


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (decimal, 57.123456789, "57.1"),
        (short, 23_521_334, "23.5 M"),
        (short, 6_812_345_678, "6.8 G"),
        (short, 512, "512"),
        (duration, 12.34, "12.3 s"),
        (duration, 1530.0, "25 min 30 s"),
        (duration, 59.99, "60.0 s"),
        (duration, 3 * 3600 + 61, "3 h 1 min"),
        (plain, 4120, "4,120"),
        (plain, 0.123456789, "0.1235"),
        (plain, True, "True"),
        (plain, [1, 2.5, None], "1, 2.5, \N{EN DASH}"),
        (plain, "<b>", "<b>"),
    ],
)
def test_numbers_are_short(write, value, text):
    assert write(value) == text


@pytest.mark.parametrize("write", [decimal, short, duration])
@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_what_is_not_known_is_a_dash(write, value):
    assert write(value) == "\N{EN DASH}"


def test_nested_facts_are_listed_one_by_one():
    facts = {"name": "regdb", "train": {"images": 4120, "people": 206}}
    assert flat(facts) == [
        ("name", "regdb"),
        ("train images", "4,120"),
        ("train people", "206"),
    ]
