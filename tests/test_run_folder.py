import json

import pytest

from nfs_keras.pipeline import RunFolder

OPTIONS = {"seed": 0, "batch": (8, 4), "budget": None}


def test_a_new_folder_says_what_the_run_is(tmp_path):
    run = RunFolder(tmp_path / "run", OPTIONS, versions={"keras": "3"})
    content = json.loads((tmp_path / "run" / "run.json").read_text())
    assert content["options"] == {"seed": 0, "batch": [8, 4], "budget": None}
    assert set(content["versions"]) == {"python", "keras"}
    assert content["stages"] == {}
    assert run / "run.json" == tmp_path / "run" / "run.json"


def test_a_stage_is_done_once(tmp_path, capsys):
    for _ in range(2):
        run = RunFolder(tmp_path / "run", OPTIONS)
        with run.stage("search", "Searching") as todo:
            run.say("at work" if todo else "at rest")
    said = capsys.readouterr().out
    assert said.count("at work") == said.count("at rest") == 1
    assert "done before: Searching" in said
    log = (tmp_path / "run" / "log.txt").read_text()
    assert [x for x in log.splitlines() if not x.startswith("---")] == (
        said.splitlines()
    )


def test_a_stage_that_fails_is_not_done(tmp_path):
    run = RunFolder(tmp_path / "run", OPTIONS)
    with pytest.raises(KeyboardInterrupt):
        with run.stage("search", "Searching"):
            raise KeyboardInterrupt
    with RunFolder(tmp_path / "run", OPTIONS).stage("search", "") as todo:
        assert todo


def test_other_options_are_refused_by_name(tmp_path):
    RunFolder(tmp_path / "run", OPTIONS)
    with pytest.raises(ValueError, match=r"seed=1 \(before: 0\), smoke=True"):
        RunFolder(tmp_path / "run", {**OPTIONS, "seed": 1, "smoke": True})


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(ValueError, match=r"no run\.json. Name another folder"):
        RunFolder(tmp_path, OPTIONS)


def test_a_start_that_was_killed_at_once_can_be_repeated(tmp_path):
    (tmp_path / ".partial-run.json").write_text("{")
    RunFolder(tmp_path, OPTIONS)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["log.txt", "run.json"]


def test_half_written_files_are_removed(tmp_path):
    run = RunFolder(tmp_path, OPTIONS)
    left = run / "checkpoints" / "search" / ".partial-last-0002.keras"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    RunFolder(tmp_path, OPTIONS)
    assert not left.exists()
