import pytest
from benchmark_results import check_result
from small_smoke import small_smoke

from benchmarks import layers


@pytest.mark.usefixtures("quick_limits")
def test_its_smoke_form_measures_time_memory_and_speed(tmp_path, monkeypatch):
    # A process of its own per peak is not needed to see that it is asked for.
    monkeypatch.setattr(
        layers, "training_memory", lambda name, searched, size: 2 + searched
    )
    with small_smoke():  # eagerly: a step takes less time than its tracing
        layers.main(["--smoke", f"--results={tmp_path}"])
    ratios = check_result(tmp_path / "layers.json", least_pairs=1)
    end = ", with search against without"
    assert set(ratios) == {
        f"small, {what}{end}"
        for what in ("forward pass", "training step", "peak memory")
    }
    assert ratios[f"small, peak memory{end}"]["value"] == 1.5
