import numpy as np
import pytest

from benchmarks import search


@pytest.mark.usefixtures("quick_limits")
@pytest.mark.parametrize("only", ["steps", "norm", "compact"])
def test_its_smoke_form_measures_every_ratio(only, capsys):
    search.main(["--smoke", "--only", only])
    lines = capsys.readouterr().out.splitlines()
    ratios = [line for line in lines if ", aim" in line]
    values = [float(line.split(": ")[1].split(",")[0]) for line in ratios]
    assert values
    assert all(np.isfinite(values)) and min(values) > 0


def test_half_of_the_channels_are_open_alike_in_both_modalities():
    network = search.make_network(search.SMALL, "channel")
    for visible, infrared in search.half_open(network).masks.values():
        assert visible.mean() == 0.5
        np.testing.assert_array_equal(visible, infrared)
