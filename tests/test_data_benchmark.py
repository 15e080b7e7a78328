import numpy as np
import pytest
from benchmark_results import check_result
from small_smoke import small_smoke

from benchmarks import data


@pytest.mark.usefixtures("quick_limits")
def test_its_smoke_form_compares_with_both_loops(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "IMAGE_SHAPE", (32, 16, 3))
    with small_smoke():
        data.main(["--smoke", f"--results={tmp_path}"])
    ratios = check_result(tmp_path / "data.json", least_pairs=2)
    assert len(ratios) == 7
    waiting = ratios["waiting for a batch against the whole step of the demo"]
    assert all(0 < share < 1 for share in waiting["pairs"])


def test_a_ratio_is_our_speed_against_theirs():
    rates = {
        "in memory": 6.0,
        "decoded anew": 3.0,
        "in memory, tuned": 4.0,
        "decoded anew, tuned": 12.0,
        "OpenCV": 2.0,
        "Pillow": 1.0,
    }
    rates = {name: np.array([rate]) for name, rate in rates.items()}
    values = [ratio["value"] for ratio in data.compare_loaders(rates).values()]
    assert values == [3.0, 6.0, 1.5, 1.5, 3.0, 0.25]
