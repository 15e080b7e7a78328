"""What every result of a benchmark has to look like."""

import json
import statistics

import pytest


def check_result(path, least_pairs):
    """Checks a result file, and gives its ratios."""
    result = json.loads(path.read_text())
    assert result["machine"] and result["date"]
    assert {"python", "keras", "numpy", "tensorflow"} <= set(result["versions"])
    assert result["load"] >= 0 and 0 < result["share"] < 1.1
    assert result["ratios"]
    for what, ratio in result["ratios"].items():
        assert len(ratio["pairs"]) >= least_pairs, what
        assert ratio["better"] in ("higher", "lower"), what
        median = statistics.median(ratio["pairs"])
        assert ratio["value"] == pytest.approx(median, abs=1e-4), what
        assert ratio["aim"] is None or ratio["aim"] > 0, what
    for what, figure in result.get("figures", {}).items():
        assert figure["value"] > 0 and figure["unit"], what
        assert (figure["limit"] is None) == (figure["limit_is"] is None), what
    return result["ratios"]
