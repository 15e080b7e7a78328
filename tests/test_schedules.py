"""Schedules begin at their start, end at their end, and go straight there."""

import math

import pytest

from nfs_keras import schedules

FALLING = [
    schedules.linear(2.0, 0.1),
    schedules.cosine(2.0, 0.1),
    schedules.exponential(2.0, 0.1),
]
PROGRESS = [step / 20 for step in range(21)]


@pytest.mark.parametrize("schedule", FALLING)
def test_a_schedule_falls_from_start_to_end(schedule):
    values = [schedule(progress) for progress in PROGRESS]
    assert math.isclose(values[0], 2.0)
    assert math.isclose(values[-1], 0.1)
    assert all(a > b for a, b in zip(values, values[1:], strict=False))


def test_constant_stays():
    assert {schedules.constant(0.3)(progress) for progress in PROGRESS} == {0.3}


def test_linear_moves_by_equal_steps():
    values = [schedules.linear(1.0, 3.0)(progress) for progress in PROGRESS]
    steps = [b - a for a, b in zip(values, values[1:], strict=False)]
    assert all(math.isclose(step, 0.1, rel_tol=1e-9) for step in steps)


def test_exponential_moves_by_equal_factors():
    values = [schedules.exponential(2, 0.02)(p) for p in PROGRESS]
    factors = [b / a for a, b in zip(values, values[1:], strict=False)]
    assert all(math.isclose(factor, factors[0]) for factor in factors)


def test_cosine_is_half_way_in_the_middle_and_slow_at_both_ends():
    schedule = schedules.cosine(1.0, 0.0)
    assert math.isclose(schedule(0.5), 0.5)
    assert 1.0 - schedule(0.05) < 0.05 / 2
    assert schedule(0.95) < 0.05 / 2


@pytest.mark.parametrize("start, end", [(1.0, 0.0), (0.0, 1.0), (-1.0, 1.0)])
def test_exponential_raises_for_what_it_cannot_reach(start, end):
    with pytest.raises(ValueError, match=f"Received: start={start}, end={end}"):
        schedules.exponential(start, end)
