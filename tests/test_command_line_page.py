"""The page about the command line is right: verbs, flags, the whole path."""

import importlib
import pathlib
import re
import shlex

import pymilvus  # noqa: F401 (closes standard error if a test captures it)
import pytest

from nfs_keras.cli import program
from nfs_keras.cli.main import VERBS, main

PAGE = pathlib.Path(__file__).parents[1] / "docs" / "command_line.md"
PAGE = PAGE.read_text(encoding="utf-8")
COMMAND = r"^nfs-reid .*"
COMMANDS = re.findall(COMMAND, PAGE, re.MULTILINE)


def test_the_page_has_every_verb_and_no_other():
    rows = re.findall(r"^\| `([\w-]+)` \| (.*) \|$", PAGE, re.MULTILINE)
    assert dict(rows) == {verb: what for verb, (what, _) in VERBS.items()}


def test_every_verb_has_an_example():
    assert {command.split()[1] for command in COMMANDS} == set(VERBS)


@pytest.mark.parametrize("command", COMMANDS)
def test_flags_are_understood(command):
    _, verb, *words = shlex.split(command)
    module = importlib.import_module(f"nfs_keras.cli.{verb.replace('-', '_')}")
    module.FLAGS.unparse_flags()
    assert module.FLAGS([verb, *words])


def test_the_page_has_every_exit_status():
    listed = re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)
    assert list(map(int, listed)) == [
        program.SUCCESS,
        program.FAILURE,
        program.MISUNDERSTOOD,
        program.INTERRUPTED,
    ]


def test_the_path_leads_to_a_list_of_people(
    smoke_data, smoke_run, tmp_path, monkeypatch, capsys
):
    """From a run that is done: to plot and to train takes time."""
    monkeypatch.chdir(tmp_path)
    for name, there in (("data/people", smoke_data), ("runs/first", smoke_run)):
        pathlib.Path(name).parent.mkdir()
        pathlib.Path(name).symlink_to(there)
    path, _ = PAGE.split("## Parts of")
    for words in map(shlex.split, re.findall(COMMAND, path, re.MULTILINE)):
        if words[1] not in ("synthesize", "train"):
            assert main(words) == program.SUCCESS
    *_, first, _, _, _, _ = capsys.readouterr().out.splitlines()
    assert first.split()[0] == "1" and first.endswith(".bmp")
