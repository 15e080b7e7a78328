import base64
import sys

import cv2
import matplotlib
import numpy as np
import pytest

from nfs_keras.report.style import (
    LONGEST,
    curve_style,
    image_uri,
    new_figure,
    read_image,
    short_label,
    styled,
)

RED = np.zeros((200, 100, 3), np.uint8)
RED[..., 0] = 255  # RGB


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"nfs_keras\[report\]"):
        new_figure(1)


def test_plotting_leaves_the_settings_of_matplotlib_alone():
    before = dict(matplotlib.rcParams)

    @styled
    def plot():
        return matplotlib.rcParams["axes.grid"]

    assert plot() is True
    assert dict(matplotlib.rcParams) == before


def test_any_two_neighbouring_curves_differ_in_line_and_marker():
    for position in range(20):
        one, other = curve_style(position), curve_style(position + 1)
        assert one["marker"] != other["marker"]
        assert one["linestyle"] != other["linestyle"]


def test_long_names_keep_both_ends():
    name = short_label("begin" + "x" * 100 + "end")
    assert name.startswith("begin") and name.endswith("end")
    assert len(name) == LONGEST


def write(file):
    cv2.imwrite(str(file.with_suffix(".png")), RED[..., ::-1])
    return file.with_suffix(".png")


def test_images_are_rgb_and_scaled_down(tmp_path):
    image = read_image(write(tmp_path / "a"), height=128)
    np.testing.assert_array_equal(image, RED[:128, :64])


def test_small_images_stay_as_they_are(tmp_path):
    assert read_image(write(tmp_path / "a"), height=400).shape == RED.shape


def test_a_path_may_be_relative_to_the_root(tmp_path):
    write(tmp_path / "a")
    assert read_image("a.png", tmp_path) is not None


def test_a_name_in_any_script_is_read(tmp_path):
    (tmp_path / "a").mkdir()
    file = tmp_path / "\u4eba \N{SNOWMAN}.png"
    write(tmp_path / "a").rename(file)
    assert read_image(file) is not None


def test_what_is_no_image_is_none(tmp_path):
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "empty.png").touch()
    for name in ("text.png", "empty.png", "absent.png", "."):
        assert read_image(name, tmp_path) is None


def test_an_address_holds_the_image():
    head, content = image_uri(RED).split(",")
    assert head == "data:image/jpeg;base64"
    code = np.frombuffer(base64.b64decode(content), np.uint8)
    image = cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1]
    assert image.shape == RED.shape
    assert np.abs(np.int16(image) - RED).max() < 5
