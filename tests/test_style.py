import matplotlib
import pytest

from nfs_keras.report.style import LONGEST, drawn, extra, literal, mark


def test_a_missing_package_is_named_with_its_extra():
    with pytest.raises(ImportError, match=r"nfs_keras\[report\]"):
        extra("a_package_that_nobody_has")


def test_drawing_leaves_the_settings_of_matplotlib_alone():
    before = dict(matplotlib.rcParams)

    @drawn
    def draw():
        return matplotlib.rcParams["axes.grid"]

    assert draw() is True
    assert dict(matplotlib.rcParams) == before


def test_any_two_neighbouring_curves_differ_in_line_and_marker():
    for position in range(20):
        one, other = mark(position), mark(position + 1)
        assert one["marker"] != other["marker"]
        assert one["linestyle"] != other["linestyle"]


def test_long_names_keep_both_ends():
    name = literal("begin" + "x" * 100 + "end")
    assert name.startswith("begin") and name.endswith("end")
    assert len(name) == LONGEST
