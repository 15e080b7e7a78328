import base64

import cv2
import numpy as np

from nfs_keras.report.pictures import picture_uri, read_picture

RED = np.zeros((200, 100, 3), np.uint8)
RED[..., 0] = 255  # RGB


def write(file):
    cv2.imwrite(str(file.with_suffix(".png")), RED[..., ::-1])
    return file.with_suffix(".png")


def test_pictures_are_rgb_and_scaled_down(tmp_path):
    picture = read_picture(write(tmp_path / "a"), height=128)
    np.testing.assert_array_equal(picture, RED[:128, :64])


def test_small_pictures_stay_as_they_are(tmp_path):
    assert read_picture(write(tmp_path / "a"), height=400).shape == RED.shape


def test_a_path_may_be_relative_to_the_root(tmp_path):
    write(tmp_path / "a")
    assert read_picture("a.png", tmp_path) is not None


def test_a_name_in_any_script_is_read(tmp_path):
    (tmp_path / "a").mkdir()
    file = tmp_path / "\u4eba \N{SNOWMAN}.png"
    write(tmp_path / "a").rename(file)
    assert read_picture(file) is not None


def test_what_is_no_picture_is_none(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").touch()
    for name in ("text.png", "empty.png", "absent.png", "."):
        assert read_picture(name, tmp_path) is None


def test_an_address_holds_the_picture():
    head, content = picture_uri(RED).split(",")
    assert head == "data:image/jpeg;base64"
    code = np.frombuffer(base64.b64decode(content), np.uint8)
    picture = cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1]
    assert picture.shape == RED.shape
    assert np.abs(np.int16(picture) - RED).max() < 5
