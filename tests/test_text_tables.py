import math

import pytest

from nfs_keras.text_tables import (
    format_count,
    format_decimal,
    format_duration,
    format_facts,
    format_table,
    format_value,
)


def test_the_first_column_stands_left_and_the_others_right():
    lines = format_table([("", "people"), ("train", 7)], gap=1).splitlines()
    assert lines == ["      people", "train      7"]


def test_every_line_is_as_long_as_the_widest():
    rows = [("a", "bb", "c"), ("aaa", "b", 12345)]
    first, second = format_table(rows).splitlines()
    assert len(first) == len(second) == 3 + 2 + 2 + 2 + 5


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (format_decimal, 57.123456789, "57.1"),
        (format_count, 23_521_334, "23.5 M"),
        (format_count, 6_812_345_678, "6.8 G"),
        (format_count, 512, "512"),
        (format_duration, 12.34, "12.3 s"),
        (format_duration, 1530.0, "25 min 30 s"),
        (format_duration, 59.99, "60.0 s"),
        (format_duration, 3 * 3600 + 61, "3 h 1 min"),
        (format_value, 4120, "4,120"),
        (format_value, 0.123456789, "0.1235"),
        (format_value, True, "True"),
        (format_value, [1, 2.5, None], "1, 2.5, \N{EN DASH}"),
        (format_value, "<b>", "<b>"),
    ],
)
def test_numbers_are_short(write, value, text):
    assert write(value) == text


@pytest.mark.parametrize(
    "write", [format_decimal, format_count, format_duration]
)
@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_what_is_not_known_is_a_dash(write, value):
    assert write(value) == "\N{EN DASH}"


def test_nested_facts_are_listed_one_by_one():
    facts = {"name": "regdb", "train": {"images": 4120, "people": 206}}
    assert format_facts(facts) == [
        ("name", "regdb"),
        ("train images", "4,120"),
        ("train people", "206"),
    ]
