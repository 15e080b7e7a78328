import contextlib

import numpy as np
import pytest
from benchmark_results import check_result
from exported_model import shrink_tiny

from benchmarks import serving


@pytest.mark.usefixtures("quick_limits")
def test_its_smoke_form_compares_every_form(tmp_path, monkeypatch):
    shrink_tiny(monkeypatch)
    # Servers have tests of their own; here they answer at once.
    monkeypatch.setattr(
        serving, "running", lambda *arguments: contextlib.nullcontext("")
    )
    monkeypatch.setattr(serving, "press", lambda *arguments: [0.1] * 10)
    monkeypatch.setattr(serving, "compare_starts", lambda directory: ({}, {}))
    serving.main(["--smoke", f"--results={tmp_path}"])
    ratios = check_result(tmp_path / "serving.json", least_pairs=3)
    for size in (1, serving.BATCH):
        for form in serving.AIMS:
            what = f"images/s, batch {size}, SavedModel against {form}"
            assert ratios[what]["aim"] == serving.AIMS[form]
    assert ratios["p99 against p50, 8 clients, batching"]["value"] == 1.0


def test_tails_are_those_of_five_parts_of_the_time():
    calm, hasty = np.full(100, 0.1), np.append(np.full(90, 0.1), [0.5] * 10)
    ratio = serving.tails([*calm, *calm, *calm, *calm, *hasty], aim=3.0)
    assert ratio["pairs"] == [1.0, 1.0, 1.0, 1.0, 5.0]
    assert ratio["value"] == 1.0 and ratio["better"] == "lower"
