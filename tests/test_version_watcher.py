import pytest

from nfs_keras.serving.stand_in.request_error import RequestError
from nfs_keras.serving.stand_in.version_watcher import VersionWatcher


class Loaded:
    def __init__(self, path):
        if (path / "broken").exists():
            raise OSError("broken on purpose")
        self.version = int(path.name)


def put(directory, version, broken=False):
    (directory / str(version)).mkdir()
    (directory / str(version) / "saved_model.pb").touch()
    if broken:
        (directory / str(version) / "broken").touch()


@pytest.fixture
def watcher(tmp_path):
    return VersionWatcher(tmp_path, Loaded)


def test_without_a_version_nothing_is_found(watcher):
    watcher.look()
    assert not watcher.is_available
    with pytest.raises(RequestError, match="not found"):
        watcher.servable()


def test_the_newest_version_is_loaded_by_number_not_by_name(watcher, tmp_path):
    for version in (2, 10, 9):
        put(tmp_path, version)
    watcher.look()
    assert watcher.servable().version == 10


def test_a_newer_version_replaces_the_old_one(watcher, tmp_path):
    put(tmp_path, 1)
    watcher.look()
    old = watcher.servable()
    watcher.look()
    assert watcher.servable() is old
    put(tmp_path, 2)
    watcher.look()
    assert watcher.servable(2).version == 2
    with pytest.raises(RequestError, match=r"Specific\(1\)"):
        watcher.servable(1)


def test_what_is_no_version_is_passed_over(watcher, tmp_path):
    for name in (".3.part", "notes", "1.5"):
        put(tmp_path, name)
    (tmp_path / "4").mkdir()  # nothing in it yet
    watcher.look()
    assert not watcher.is_available


def test_a_broken_version_is_reported_and_the_old_one_goes_on(
    watcher, tmp_path
):
    put(tmp_path, 1)
    watcher.look()
    put(tmp_path, 2, broken=True)
    watcher.look()
    watcher.look()
    assert watcher.servable().version == 1
    assert watcher.failures == {2: "OSError: broken on purpose"}
    put(tmp_path, 3)
    watcher.look()
    assert watcher.servable().version == 3
