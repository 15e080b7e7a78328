import subprocess
import sys
import types

import numpy as np
import pytest
from benchmark_results import check_result

from benchmarks import measure


def test_a_ratio_is_the_median_of_its_pairs():
    ratio = measure.ratio_of([1.0, 5.0, 2.0], aim=2.0)
    assert ratio["value"] == 2.0 and ratio["pairs"] == [1.0, 5.0, 2.0]


@pytest.mark.parametrize(
    "value, aim, better, met",
    [
        (2.0, 1.5, "higher", True),
        (1.0, 1.5, "higher", False),
        (1.0, 1.5, "lower", True),
        (2.0, 1.5, "lower", False),
        (2.0, None, "lower", None),
    ],
)
def test_an_aim_is_a_least_or_a_most(value, aim, better, met):
    ratio = measure.ratio_of([value], aim, better)
    assert measure.reaches_aim(ratio) is met


def test_a_pair_is_the_first_s_time_against_the_second_s():
    now = 0.0

    def take(seconds):
        nonlocal now
        now += seconds

    ratio = measure.paired_ratio(
        lambda: take(3.0), lambda: take(2.0), pairs=4, clock=lambda: now
    )
    assert ratio["pairs"] == [1.5] * 4


def test_turns_give_every_call_its_seconds_and_limits_the_least(monkeypatch):
    monkeypatch.setattr(measure, "seconds_of", lambda call: call())
    ours, theirs = iter([1.0, 2.0]), iter([4.0, 3.0])
    seconds = measure.take_turns(
        {"ours": lambda: next(ours), "theirs": lambda: next(theirs)}, 2
    )
    assert {name: list(each) for name, each in seconds.items()} == {
        "ours": [1.0, 2.0],
        "theirs": [4.0, 3.0],
    }
    times = iter([5.0, 3.0, 4.0, 6.0, 7.0])
    assert measure.least_seconds(lambda: next(times)) == 3.0


def test_the_rates_of_the_machine_count_operations_and_bytes(monkeypatch):
    """A known time for work that is as much as it should be."""
    worked = []
    monkeypatch.setattr(
        measure, "least_seconds", lambda f: worked.append(f) or 4
    )
    assert measure.product_rate(50) == pytest.approx(2 * 50**3 / 4e9)
    assert measure.copy_rate(10**6) == pytest.approx(2 * 10**6 / 4e9)
    for work in worked:
        work()


def test_the_free_share_is_of_all_cores():
    assert 0 < measure.free_share(512, times=25) < 1.2


def test_peak_memory_is_that_of_the_process_itself():
    mine = np.ones(2**27, np.uint8)  # a child must not count it
    code = (
        "import numpy; from benchmarks.measure import peak_memory as peak\n"
        "print(peak()); numpy.ones(2**27, 'uint8'); print(peak())"
    )
    child = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        cwd=measure.RESULTS.parents[1],
    )
    before, after = map(int, child.stdout.split())
    assert before < mine.nbytes / 1024 < after < 2 * mine.nbytes / 1024 + before


@pytest.mark.usefixtures("quick_limits")
def test_a_result_is_kept_in_one_form(tmp_path):
    options = measure.options_parser("Measures.").parse_args(
        ["--short", f"--results={tmp_path / 'new'}"]
    )
    ratios = {"ours against theirs": measure.ratio_of([1, 2, 3, 4, 5])}
    figures = {"speed": measure.figure(1.23456, "m/s", 2.0, "light")}
    measure.write_results("one", options, ratios, figures)
    found = check_result(tmp_path / "new" / "one.json", least_pairs=5)
    assert found == ratios


def test_smoke_keeps_nothing_without_a_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    options = types.SimpleNamespace(smoke=True, short=False, results=None)
    measure.write_results("one", options, {})
    assert not list(tmp_path.iterdir())
