"""The page about one's own images is right: every command, from first to last.

Only `train` is shortened, by `--smoke` and `small_smoke.py`.
"""

import pathlib
import re
import shlex
import shutil

import pymilvus  # noqa: F401 (closes standard error if a test captures it)
import pytest
from dataset_trees import write_image
from small_smoke import small_smoke

from nfs_keras.cli.main import main
from nfs_keras.datasets import FolderDataset, Reader
from nfs_keras.modalities import MODALITIES
from nfs_keras.pipeline.run_pipeline import HELD_OUT
from nfs_keras.pipeline.training import check_folds
from nfs_keras.presets import Demo

DOCS = pathlib.Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "own_images.md").read_text("utf-8")
COMMANDS = re.findall(r"^nfs-reid .*", PAGE, re.MULTILINE)
PEOPLE = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"]


@pytest.fixture
def my_images(smoke_data, tmp_path, monkeypatch):
    """Twelve people of the smoke data under names, in the page's layout."""
    monkeypatch.chdir(tmp_path)
    for modality, folder in (("visible", "Visible"), ("infrared", "Thermal")):
        for number in range(1, 13):
            name = dict(enumerate(PEOPLE, 1)).get(number, f"person{number}")
            target = tmp_path / "my_images" / modality / name
            shutil.copytree(smoke_data / folder / str(number), target)
    shutil.copy(
        next((smoke_data / "Visible" / "1").iterdir()),
        tmp_path / "my_images" / "visible" / "alice" / "1.jpg",
    )


def test_every_command_leads_to_the_next(my_images, capsys):
    assert [c.split()[1] for c in COMMANDS] == [
        *("check", "train", "evaluate", "embed", "index", "query"),
    ]
    with small_smoke():
        for command in COMMANDS:
            words = shlex.split(command)
            if words[1] == "train":
                words.append("--smoke")
            assert main(words) == 0, command
    printed = capsys.readouterr().out
    assert "Training may start." in printed and "\nOwn images\n" in printed
    assert pathlib.Path("runs/mine/report.html").exists()


def test_the_page_names_the_fewest_people_for_a_search(tmp_path):
    def trains(people):
        """The training people, if they suffice."""
        dataset = FolderDataset(tmp_path)
        dataset._rows = [
            {
                "path": f"{modality}/{person}.png",
                "identity": f"{person:03d}",
                "modality": modality,
                "camera": "",
                "split": "",
            }
            for person in range(people)
            for modality in MODALITIES
        ]
        kept, _ = dataset.hold_out(HELD_OUT)
        check_folds(Demo(), kept)
        return len({sample.identity for sample in dataset.train})

    words = r"makes (\d+) training people, (\d+) in all"
    training, everybody = map(int, re.search(words, PAGE).groups())
    assert trains(everybody) == training
    with pytest.raises(ValueError, match=r"batch\[0\]=16"):
        trains(everybody - 1)


def test_the_reader_of_the_page_on_datasets_reads(tmp_path):
    page = (DOCS / "datasets.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (code,) = (block for block in blocks if "(Reader)" in block)
    names = {}
    exec(code, names)
    for half, people in (("train", "12"), ("test", "34")):
        for modality in ("visible", "infrared"):
            for person in people:
                write_image(tmp_path / half / modality / person / "1_7.png")
    dataset = names["Corridor"](tmp_path)
    assert isinstance(dataset, Reader)
    assert {s.identity for s in dataset.test} == {3, 4}
    assert {s.camera for s in dataset.train} == {1}
    assert len(dataset.query) == len(dataset.gallery) == 2
