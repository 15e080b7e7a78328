import contextlib
import types

import pytest
from exported_model import shrink_tiny
from programs import Program

from benchmarks import scale
from benchmarks.measure import copy_rate


@pytest.mark.usefixtures("quick_limits")
def test_the_smoke_form_measures_every_part(tmp_path, monkeypatch):
    monkeypatch.chdir(scale.__file__.rpartition("/benchmarks/")[0])
    shrink_tiny(monkeypatch)
    monkeypatch.setattr(scale, "copy_rate", lambda: copy_rate(2**20))
    options = types.SimpleNamespace(only=None, dim=16, index="FLAT")
    with contextlib.ExitStack() as stack:
        fork = types.SimpleNamespace(
            Popen=lambda command: stack.enter_context(Program(command[1:]))
        )
        monkeypatch.setattr(scale, "subprocess", fork)
        ratios, figures = scale.run(tmp_path, scale=100, options=options)
    assert set(ratios) == {
        "images/s, local engine / bare SavedModel",
        "processor time, bare SavedModel / local engine",
        "recall@10, gallery / exact",
        "queries/s, 100 at once, gallery / exact NumPy",
        "queries/s, 1 at once, gallery / exact NumPy",
    }
    assert all(len(ratio["pairs"]) >= 5 for ratio in ratios.values())
    assert all(0 < figure["value"] for figure in figures.values())
    assert ratios["recall@10, gallery / exact"]["value"] == 1.0
