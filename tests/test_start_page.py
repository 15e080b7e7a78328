"""The first page is right: its files are there, its commands and code run."""

import importlib
import re
import shlex
from pathlib import Path

import pytest

from nfs_keras.cli.main import VERBS
from nfs_keras.pipeline import STAGES

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "start.md").read_text(encoding="utf-8")
SCALE = (DOCS / "scale.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^nfs-reid .*", PAGE, re.MULTILINE)
STAGE_ROW = r"^\| `(\w+)` \| .* \| (.*) \|$"


@pytest.fixture
def folder(smoke_data, smoke_run, tmp_path, monkeypatch):
    """The folder that the commands of the page leave."""
    for name, there in (("data/people", smoke_data), ("runs/first", smoke_run)):
        path = tmp_path / name
        path.parent.mkdir()
        path.symlink_to(there)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_understood(command):
    _, verb, *words = shlex.split(command)
    if verb == "--help":
        return
    assert verb in VERBS
    module = importlib.import_module(f"nfs_keras.cli.{verb.replace('-', '_')}")
    module.FLAGS.unparse_flags()
    assert module.FLAGS([verb, *words])


def test_every_stage_and_its_results_are_there(folder):
    _, stages = PAGE.split("## 2. ")
    rows = dict(re.findall(STAGE_ROW, stages.split("## 3. ")[0], re.MULTILINE))
    assert [*rows] == [stage for stage in STAGES if stage != "retrain"]
    for results in rows.values():
        for name in re.findall(r"`([^`]+)`", results):
            assert (folder / "runs" / "first" / name).exists(), name


def test_the_files_to_open_are_there(folder):
    _, files = PAGE.split("## 3. ")
    rows = re.findall(r"^\| (`.*`) \| ", files.split("## 4. ")[0], re.MULTILINE)
    names = re.findall(r"`([^`]+)`", " ".join(rows))
    assert len(names) > 5
    for name in names:
        assert (folder / "runs" / "first" / name).exists(), name


def test_the_code_finds_a_person(folder, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(code, "start.md", "exec"), {})
    assert re.search(
        r"person \d+; most similar: person \d+, .*\.bmp",
        capsys.readouterr().out,
    )


def test_ten_images_are_embedded_as_the_page_on_scale_says(folder):
    code, *_ = re.findall(r"```python\n(.*?)```", SCALE, re.DOTALL)
    names = {}
    exec(compile(code, "scale.md", "exec"), names)
    assert names["similarity"].shape == (10, 10)
    assert abs(names["similarity"].diagonal() - 1).max() < 1e-5
