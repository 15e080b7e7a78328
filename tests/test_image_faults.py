import pytest
from dataset_trees import write_image

from nfs_keras.datasets import Sample
from nfs_keras.datasets.bad_image import BadImage
from nfs_keras.datasets.image_faults import (
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


def cut(file):
    contents = file.read_bytes()
    file.write_bytes(contents[: len(contents) // 2])


def test_whole_pictures_have_no_faults(files):
    assert find_faults(files) == [None, None, None]
    check_images(samples_of(files))
    check_headers(samples_of(files))


def test_faults_stand_where_their_paths_stand(files, tmp_path):
    cut(files[1])
    faults = find_faults([files[0], files[1], tmp_path / "no.bmp", files[2]])
    assert [fault and fault.fault for fault in faults] == [
        None,
        "is damaged or cut off",
        "does not exist",
        None,
    ]


@pytest.mark.parametrize("index", [0, 1, 2])
def test_headers_cannot_tell_a_file_that_is_cut_off_but_decoding_can(
    files, index
):
    cut(files[index])
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
