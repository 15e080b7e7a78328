"""The one command that runs every benchmark."""

import importlib
import pathlib

import pytest
from benchmark_results import check_result

program = importlib.import_module("benchmarks.__main__")
COMMITTED = sorted(program.RESULTS.glob("*.json"))


def test_one_that_fails_keeps_no_other_from_running(monkeypatch, capfd):
    monkeypatch.setattr(program, "NAMES", ("no_such_module", "evaluation"))
    assert program.main(["--smoke"]) == 1
    printed = capfd.readouterr().out
    assert "[1/2]" in printed and "[2/2]" in printed
    assert "no_such_module FAILED with status 1" in printed
    summary = printed.rpartition("evaluation done")[2]
    assert "ours against the bare product" in summary
    assert "evaluation  ran" in summary


def test_all_is_well_if_none_fails(monkeypatch, capsys):
    done = [("layers", 0, 1.0), ("data", 0, 2.0)]
    monkeypatch.setattr(program, "run_all", lambda *arguments: done)
    assert program.main(["--smoke"]) == 0


def test_a_name_that_is_none_raises(capsys):
    with pytest.raises(SystemExit):
        program.main(["speed"])
    assert "there is no benchmark speed" in capsys.readouterr().err


@pytest.mark.parametrize("name", program.NAMES)
def test_every_benchmark_is_a_module(name):
    folder = pathlib.Path(program.__file__).parent
    assert (folder / f"{name}.py").is_file()


@pytest.mark.parametrize(
    "form, flag", [(None, "--short"), ("--smoke", "--smoke"), ("--full", None)]
)
def test_the_form_is_handed_on(form, flag, tmp_path):
    command = program.command_of("layers", form, tmp_path, tmp_path)
    expected = [flag] if flag else []
    assert command == [
        "-m",
        "benchmarks.layers",
        *expected,
        f"--results={tmp_path}",
    ]
    assert "--smoke" in program.command_of("study", form, tmp_path, tmp_path)


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_a_committed_result_is_a_median_of_five_pairs_or_more(path):
    check_result(path, least_pairs=5)
