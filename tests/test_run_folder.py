import json

import programs
import pytest

from nfs_keras.run_folder import RunFolder

OPTIONS = {"seed": 0, "batch": (8, 4), "budget": None}


def test_a_new_folder_describes_the_run(tmp_path):
    with RunFolder(tmp_path / "run", OPTIONS, versions={"keras": "3"}) as run:
        assert run / "run.json" == tmp_path / "run" / "run.json"
    content = json.loads((tmp_path / "run" / "run.json").read_text())
    assert content["options"] == {"seed": 0, "batch": [8, 4], "budget": None}
    assert set(content["versions"]) == {"python", "keras"}
    assert content["stages"] == {}


def test_a_stage_is_done_once(tmp_path, capsys):
    for _ in range(2):
        with RunFolder(tmp_path / "run", OPTIONS) as run:
            with run.stage("search", "Searching") as todo:
                run.print("to do" if todo else "is done")
    printed = capsys.readouterr().out
    assert printed.count("to do") == printed.count("is done") == 1
    assert "done before: Searching" in printed
    log = (tmp_path / "run" / "log.txt").read_text()
    assert [x for x in log.splitlines() if not x.startswith("---")] == (
        printed.splitlines()
    )


def test_a_stage_that_fails_is_not_done_and_its_seconds_count(tmp_path):
    with RunFolder(tmp_path / "run", OPTIONS) as run:
        run.content["spent"]["search"] = 40.0  # of an earlier start
        with pytest.raises(KeyboardInterrupt):
            with run.stage("search", "Searching"):
                raise KeyboardInterrupt
    with RunFolder(tmp_path / "run", OPTIONS) as run:
        with run.stage("search", "") as todo:
            assert todo
        assert run.content["stages"]["search"]["seconds"] >= 40.0


def test_other_options_raise_by_name(tmp_path):
    with RunFolder(tmp_path / "run", OPTIONS):
        pass
    with pytest.raises(ValueError, match=r"seed=1 \(before: 0\), smoke=True"):
        RunFolder(tmp_path / "run", {**OPTIONS, "seed": 1, "smoke": True})


def test_a_folder_of_something_else_raises(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(ValueError, match=r"no run\.json. Name another folder"):
        RunFolder(tmp_path, OPTIONS)


def test_a_start_that_was_killed_at_once_can_be_repeated(tmp_path):
    (tmp_path / ".partial-run.json").write_text("{")
    with RunFolder(tmp_path, OPTIONS):
        names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [".lock", "log.txt", "run.json"]


def test_half_written_files_are_removed(tmp_path):
    with RunFolder(tmp_path, OPTIONS) as run:
        left = run / "checkpoints" / "search" / ".partial-last-0002.keras"
        left.parent.mkdir(parents=True)
        left.write_text("half")
    with RunFolder(tmp_path, OPTIONS):
        assert not left.exists()


def test_a_second_process_raises_and_leaves_the_first_its_files(tmp_path):
    with RunFolder(tmp_path, OPTIONS) as run:
        half = run / ".partial-model.keras"
        half.write_text("half")
        second = (
            "from nfs_keras.run_folder import RunFolder\n"
            f"RunFolder({str(tmp_path)!r}, {OPTIONS!r})"
        )
        ended = programs.run(["-c", second])
        assert "in use by another process" in ended.stderr
        assert half.exists()
    with RunFolder(tmp_path, OPTIONS):  # the first has ended
        assert not half.exists()


def test_processor_seconds_are_summed_over_the_epochs_of_stages(tmp_path):
    with RunFolder(tmp_path, OPTIONS) as run:
        lines = [
            "stage,epoch,cpu_seconds",
            "a,0,2.5",
            "a,1,3",
            "b,0,9",
            "c,0,1",
        ]
        run.write_text("history.csv", "\n".join(lines))
        assert run.cpu_seconds(("a", "c")) == 6.5
