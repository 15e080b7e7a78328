import io
import os
import struct
import tempfile
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from dataset_trees import write_image
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from nfs_keras.datasets import Sample
from nfs_keras.datasets.image_faults import (
    MAX_PIXELS,
    BadImage,
    check_header,
    check_headers,
    check_images,
    find_faults,
)


@pytest.fixture
def files(tmp_path):
    suffixes = (".bmp", ".png", ".jpg")
    return [write_image(tmp_path / f"{s}{s}", 0, (64, 32)) for s in suffixes]


def samples_of(files):
    return [Sample(str(file), 0, 1, "visible") for file in files]


def truncate(file):
    contents = file.read_bytes()
    file.write_bytes(contents[: len(contents) // 2])


def test_whole_images_have_no_faults(files):
    assert find_faults(files) == [None, None, None]
    check_images(samples_of(files))
    check_headers(samples_of(files))


def test_faults_stand_where_their_paths_stand(files, tmp_path):
    truncate(files[1])
    faults = find_faults([files[0], files[1], tmp_path / "no.bmp", files[2]])
    assert [fault and fault.fault for fault in faults] == [
        None,
        "is damaged or incomplete",
        "does not exist",
        None,
    ]


@pytest.mark.parametrize("index", [0, 1, 2])
def test_only_decoding_finds_an_incomplete_file(files, index):
    truncate(files[index])
    check_headers(samples_of(files))
    with pytest.raises(
        BadImage, match=f"{files[index].name}', which is damaged"
    ):
        check_images(samples_of(files))


def test_nothing_to_examine_is_no_fault():
    assert find_faults([]) == []


def test_the_progress_bar_is_silent_unless_asked_for(files, capsys):
    find_faults(files)
    assert not capsys.readouterr().out
    find_faults(files, verbose=True)
    assert "3/3" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["PNG", "BMP", "JPEG", "GIF"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_the_size_is_the_one_that_a_decoder_finds(tmp_path, kind, mode):
    for shape in ((20, 10), (7, 300), (1, 1)):
        file = tmp_path / "image"
        Image.new(mode, shape[::-1]).save(file, kind)
        assert check_header(file) == shape


def test_metadata_before_a_jpegs_frame_is_passed_over(tmp_path):
    file = tmp_path / "image.jpg"
    exif = Image.Exif()
    exif[0x010E] = "a long description " * 3000
    Image.new("RGB", (10, 20)).save(file, exif=exif, progressive=True)
    assert check_header(file) == (20, 10)


def test_a_bmp_that_stands_on_its_head_has_a_size(tmp_path):
    file = write_image(tmp_path / "image.bmp", shape=(20, 10))
    contents = bytearray(file.read_bytes())
    contents[22:26] = struct.pack("<i", -20)
    file.write_bytes(contents)
    assert check_header(file) == (20, 10)


def png_bomb(height, width):
    """Makes a PNG file of a few kilobytes that claims to be huge."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    stream = b"\x89PNG\r\n\x1a\n"
    for name, data in (
        (b"IHDR", header),
        (b"IDAT", zlib.compress(b"")),
        (b"IEND", b""),
    ):
        checksum = struct.pack(">I", zlib.crc32(name + data))
        stream += struct.pack(">I", len(data)) + name + data + checksum
    return stream


def other_bomb(kind):
    """Makes a small image whose header claims 20000 x 20000 pixels."""
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, kind)
    contents = stream.getvalue()
    if kind == "BMP":
        size = struct.pack("<ii", 20000, 20000)
        return contents[:18] + size + contents[26:]
    if kind == "GIF":
        size = struct.pack("<HH", 20000, 20000)
        return contents[:6] + size + contents[10:]
    frame = contents.index(b"\xff\xc0") + 5
    size = struct.pack(">HH", 20000, 20000)
    return contents[:frame] + size + contents[frame + 4 :]


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "JPEG"])
def test_a_decompression_bomb_raises_by_its_header(tmp_path, kind):
    file = tmp_path / "bomb"
    bomb = png_bomb(20000, 20000) if kind == "PNG" else other_bomb(kind)
    file.write_bytes(bomb)
    assert len(bomb) < 2000
    with pytest.raises(BadImage, match="bomb', which claims 20000 x 20000"):
        check_header(file)


def test_the_largest_allowed_image_passes(tmp_path):
    file = tmp_path / "large.png"
    side = int(np.sqrt(MAX_PIXELS))
    file.write_bytes(png_bomb(side, side))
    assert check_header(file) == (side, side)
    file.write_bytes(png_bomb(side, side + 1))
    with pytest.raises(BadImage, match="claims"):
        check_header(file)


@contextmanager
def unprivileged():
    """Acts as a user without rights, for root may read everything."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_that_may_not_be_read_is_named():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        file = write_image(Path(folder) / "secret.png")
        file.chmod(0)
        with unprivileged(), pytest.raises(BadImage, match="Permission denied"):
            check_header(file)


@pytest.mark.parametrize(
    ("contents", "fault"),
    [
        (b"", "is empty"),
        (b"a text file named .bmp", "is no image in one of these formats"),
        (b"BM", "ends within its header"),
        (b"\x89PNG\r\n\x1a\n", "ends within its header"),
        (b"\xff\xd8", "ends within its header"),
        (b"\xff\xd8\x00\x00\x00\x00", "is a damaged JPEG file"),
    ],
)
def test_what_does_not_begin_like_an_image_raises(tmp_path, contents, fault):
    file = tmp_path / "image.bmp"
    file.write_bytes(contents)
    with pytest.raises(BadImage, match=f"image.bmp', which {fault}"):
        check_header(file)


def test_a_missing_file_and_a_folder_raise(tmp_path):
    with pytest.raises(BadImage, match="which does not exist"):
        check_header(tmp_path / "missing.png")
    with pytest.raises(BadImage, match="which cannot be read: Is a directory"):
        check_header(tmp_path)


def test_a_bmp_that_the_decoder_would_misread_raises(tmp_path):
    file = tmp_path / "image.bmp"
    pixels = np.arange(48, dtype="uint8").reshape(4, 4, 3)
    Image.fromarray(pixels).convert("P").save(file)
    with pytest.raises(BadImage, match="a palette of colours"):
        check_header(file)
    Image.fromarray(pixels).convert("1").save(file)
    with pytest.raises(BadImage, match="BMP of 1 bits"):
        check_header(file)


MAGIC = [b"", b"BM", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xc0", b"GIF89a"]


@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from(MAGIC), st.binary(max_size=80))
def test_arbitrary_bytes_have_a_size_or_a_fault(tmp_path, magic, rest):
    file = tmp_path / "image"
    file.write_bytes(magic + rest)
    try:
        height, width = check_header(file)
    except BadImage as error:
        assert error.path == file and error.fault in str(error)
    else:
        assert 0 < height * width <= MAX_PIXELS
