import shutil
from types import SimpleNamespace

import pytest

from nfs_keras.serving.export_saved_model import next_version
from nfs_keras.serving.stand_in.servable import RequestError
from nfs_keras.serving.stand_in.version_watcher import VersionWatcher


class Load:
    """Loads a version unless a file marks it as broken."""

    def __init__(self):
        self.paths = []

    def __call__(self, path):
        self.paths.append(path)
        if (path / "broken").exists():
            raise OSError("broken on purpose")
        return SimpleNamespace(version=int(path.name))


def put(directory, version, broken=False):
    (directory / str(version)).mkdir()
    (directory / str(version) / "saved_model.pb").touch()
    if broken:
        (directory / str(version) / "broken").touch()


@pytest.fixture
def watcher(tmp_path):
    return VersionWatcher(tmp_path, Load())


def test_without_a_version_nothing_is_found(watcher):
    watcher.look()
    with pytest.raises(RequestError, match="not found"):
        watcher.servable()


def test_the_two_newest_are_loaded_by_number_not_by_name(watcher, tmp_path):
    for version in (2, 10, 9):
        put(tmp_path, version)
    watcher.look()
    assert watcher.servable().version == 10
    assert watcher.servable(9).version == 9
    with pytest.raises(RequestError, match=r"Specific\(2\)"):
        watcher.servable(2)


def test_a_newer_version_answers_and_the_one_before_stays(watcher, tmp_path):
    put(tmp_path, 1)
    watcher.look()
    old = watcher.servable()
    watcher.look()
    assert watcher.servable() is old
    put(tmp_path, 2)
    watcher.look()
    assert watcher.servable().version == 2
    assert watcher.servable(1) is old
    put(tmp_path, 3)
    watcher.look()
    with pytest.raises(RequestError, match=r"Specific\(1\)"):
        watcher.servable(1)
    assert watcher.states[1] == ("END", "")


def test_a_removed_version_gives_way_to_the_one_before(watcher, tmp_path):
    for version in (1, 2):
        put(tmp_path, version)
    watcher.look()
    shutil.rmtree(tmp_path / "2")
    watcher.look()
    assert watcher.servable().version == 1
    assert watcher.states == {1: ("AVAILABLE", ""), 2: ("END", "")}
    shutil.rmtree(tmp_path / "1")
    watcher.look()
    with pytest.raises(RequestError, match="Latest"):
        watcher.servable()


def test_a_folder_that_is_away_unloads_nothing(watcher, tmp_path):
    put(tmp_path, 1)
    watcher.look()
    watcher.directory = tmp_path / "away"
    watcher.look()
    assert watcher.servable().version == 1


def test_what_is_no_version_is_passed_over(watcher, tmp_path):
    for name in (".3.part", "notes", "1.5"):
        put(tmp_path, name)
    watcher.look()
    assert watcher.states == {}


def test_broken_versions_are_reported_and_the_old_one_stays(watcher, tmp_path):
    put(tmp_path, 1)
    watcher.look()
    for version in (2, 3):
        put(tmp_path, version, broken=True)
    watcher.look()
    assert watcher.servable().version == 1
    assert watcher.states[3] == ("END", "OSError: broken on purpose")


def test_a_half_copied_version_is_tried_again_when_it_has_changed(
    watcher, tmp_path
):
    put(tmp_path, 1, broken=True)
    watcher.look()
    watcher.look()
    assert watcher.load.paths == [tmp_path / "1"]
    (tmp_path / "1" / "broken").unlink()
    watcher.look()
    assert watcher.servable().version == 1
    assert watcher.states == {1: ("AVAILABLE", "")}


def test_a_folder_that_cannot_be_read_is_reported_and_tried_again(
    watcher, tmp_path, monkeypatch
):
    def vanished(path):
        raise FileNotFoundError("gone")

    put(tmp_path, 1)
    module = "nfs_keras.serving.stand_in.version_watcher.describe_files"
    with monkeypatch.context() as patch:
        patch.setattr(module, vanished)
        watcher.look()
    assert watcher.states == {1: ("END", "FileNotFoundError: gone")}
    watcher.look()
    assert watcher.servable().version == 1


def test_a_digit_that_is_no_number_is_no_version(watcher, tmp_path):
    put(tmp_path, "²")
    watcher.look()
    assert watcher.states == {}
    assert next_version(tmp_path) == 1
