"""The command `nfs-reid`, verb by verb, on one small run."""

import importlib
import json
import shutil
from types import SimpleNamespace
from unittest import mock

import cv2
import numpy as np
import pyarrow
import pymilvus  # noqa: F401 (closes standard error if a test captures it)
import pytest
from fake_embedder import FakeEmbedder
from pyarrow import parquet
from small_smoke import small_smoke

from nfs_keras import synthetic
from nfs_keras.cli import embed, evaluate, synthesize
from nfs_keras.cli.main import VERBS, main


def nfs_reid(*words):
    return main(["nfs-reid", *map(str, words)])


@pytest.fixture
def model(smoke_run):
    """The flag that names the SavedModel of the small run."""
    return f"--model={smoke_run / 'saved_model' / '1'}"


def test_help_lists_every_verb(capsys):
    assert nfs_reid("--help") == 0
    printed = capsys.readouterr().out
    assert all(f"  {verb} " in printed for verb in VERBS)


def test_no_word_is_status_two(capsys):
    assert nfs_reid() == 2


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_shows_an_example_and_its_flags(verb, capsys):
    assert nfs_reid(verb, "--help") == 0
    printed = capsys.readouterr().out
    assert f"nfs-reid {verb} " in printed
    module = importlib.import_module(f"nfs_keras.cli.{verb.replace('-', '_')}")
    for name in module.FLAGS:
        assert f"--{name}" in printed or f"--[no]{name}" in printed


@pytest.mark.parametrize(
    "words, complaint",
    [
        ("dance", "no verb 'dance'"),
        ("train", "--output must have a value"),
        ("train --fast", "fast"),
        ("synthesize --kind=movie x", "movie"),
    ],
)
def test_what_is_not_understood_is_status_two(words, complaint, capsys):
    assert nfs_reid(*words.split()) == 2
    printed = capsys.readouterr().err
    assert complaint in printed and "Traceback" not in printed


def test_a_wrong_number_of_words_is_an_error_in_one_line(capsys):
    assert nfs_reid("check", "a", "b") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "1 argument" in line


def test_debug_shows_the_traceback():
    with pytest.raises(ValueError, match="1 argument"):
        nfs_reid("check", "a", "b", "--debug")


def test_what_synthesize_makes_passes_the_check(tmp_path, capsys):
    flags = ("--num_identities=4", "--seed=1", "--difficulty=0.2")
    assert nfs_reid("synthesize", *flags, tmp_path / "data") == 0
    assert nfs_reid("check", tmp_path / "data") == 0
    next((tmp_path / "data").rglob("*.bmp")).write_bytes(b"")
    assert nfs_reid("check", tmp_path / "data") == 1
    assert "Training may not start" in capsys.readouterr().out


def test_evaluate_repeats_the_scores_of_the_run(
    smoke_run, smoke_data, tmp_path, capsys
):
    network = smoke_run / "baseline.keras"
    scores = tmp_path / "scores"
    flags = (f"--model={network}", f"--output={scores}")
    assert nfs_reid("evaluate", *flags, smoke_data) == 0
    assert "visible to infrared" in capsys.readouterr().out
    (row, *_) = json.loads((smoke_run / "metrics.json").read_text())["rows"]
    (table, *_) = json.loads((tmp_path / "scores.json").read_text())["rows"]
    for name, value in table["mean"].items():
        assert row["visible_to_infrared"][name] == pytest.approx(value)
    assert (tmp_path / "scores.md").exists()


@pytest.fixture
def trained_on(monkeypatch):
    """Lets `evaluate` load a network of another training."""

    def pretend(**dataset):
        network = SimpleNamespace(facts={"dataset": dataset})
        for name, given in {
            "load_network": lambda file: network,
            "image_embedder": lambda network: lambda s: np.eye(len(s)),
        }.items():
            monkeypatch.setattr(evaluate, name, given)
        return "--model=network.keras"

    return pretend


def test_evaluate_takes_the_trial_that_the_network_was_trained_on(
    smoke_data, trained_on
):
    network = trained_on(name="regdb", trial=11)
    with pytest.raises(ValueError, match="trial=11"):
        nfs_reid("evaluate", network, smoke_data, "--debug")


def test_evaluate_takes_no_trial_from_a_run_on_another_dataset(
    smoke_data, trained_on, capsys
):
    network = trained_on(name="sysu_mm01", trial=0, mode="all")
    assert nfs_reid("evaluate", network, smoke_data) == 0
    assert "visible to infrared" in capsys.readouterr().out


def test_evaluate_raises_for_people_of_the_training(
    smoke_run, smoke_data, tmp_path, capsys
):
    # The network itself knows: it may lie anywhere.
    shutil.copy(smoke_run / "baseline.keras", tmp_path)
    network = f"--model={tmp_path / 'baseline.keras'}"
    assert nfs_reid("evaluate", network, "--trial=5", smoke_data) == 1
    assert "were trained on" in capsys.readouterr().err


def test_what_is_no_file_of_a_network_is_named(smoke_data, tmp_path, capsys):
    model = tmp_path / "model.keras"
    assert nfs_reid("evaluate", f"--model={model}", smoke_data) == 1
    assert "model.keras, which does not exist" in capsys.readouterr().err
    model.write_text("an interrupted download")
    assert nfs_reid("export", f"--model={model}", tmp_path / "models") == 1
    assert "model.keras, which is no such file" in capsys.readouterr().err


@pytest.fixture(scope="module")
def own_images(smoke_data, tmp_path_factory):
    """The smoke data in folders by modality and person, and as a table."""
    root = tmp_path_factory.mktemp("own") / "images"
    rows = ["path,identity,modality,camera"]
    for camera, (modality, folder) in enumerate(
        {"visible": "Visible", "infrared": "Thermal"}.items(), 1
    ):
        shutil.copytree(smoke_data / folder, root / modality)
        for file in sorted((root / modality).rglob("*.bmp")):
            place = file.relative_to(root).as_posix()
            rows.append(f"{place},{file.parent.name},{modality},{camera}")
    table = root.parent / "table" / "people.csv"
    table.parent.mkdir()
    for modality in ("visible", "infrared"):
        (table.parent / modality).symlink_to(root / modality)
    table.write_text("\n".join(rows))
    return {"folders": root, "table": table}


READER = """
from nfs_keras.datasets import FolderDataset, Reader

class Corridor(Reader):
    def read_train(self):
        return FolderDataset(self.root).train

    def read_test(self):
        return FolderDataset(self.root).test
"""


@pytest.mark.parametrize("kind", ["folders", "table", "reader"])
def test_images_of_ones_own_are_checked_evaluated_and_embedded(
    kind, own_images, trained_on, tmp_path, monkeypatch, capsys
):
    """With networks that are none: `test_own_images_page.py` has one."""
    monkeypatch.setattr(
        embed, "make_embedder", lambda flags, name: FakeEmbedder(modality=name)
    )
    data, reader = own_images.get(kind, own_images["folders"]), ()
    if kind == "reader":
        (tmp_path / "my_reader.py").write_text(READER)
        reader = (f"--reader={tmp_path / 'my_reader.py'}:Corridor",)
    assert nfs_reid("check", *reader, data) == 0
    assert nfs_reid("evaluate", trained_on(), *reader, data) == 0
    flags = ("--model=1", f"--output={tmp_path / 'shards'}")
    assert nfs_reid("embed", *flags, *reader, data) == 0
    assert "visible to infrared" in capsys.readouterr().out
    for camera, modality in enumerate(("visible", "infrared"), 1):
        rows = parquet.read_table(tmp_path / "shards" / modality).to_pylist()
        assert len(rows) == 24 * 4
        for row in rows:
            assert row["id"].startswith(modality)
            assert (row["modality"], row["camera"]) == (modality, camera)


def test_a_folder_of_images_alone_needs_a_modality(
    model, smoke_data, tmp_path, capsys
):
    output = f"--output={tmp_path / 'shards'}"
    folder = smoke_data / "Thermal" / "1"
    assert nfs_reid("embed", model, output, folder) == 1
    assert "--modality=visible" in capsys.readouterr().err


@pytest.mark.parametrize("kind", synthesize.KINDS)
def test_what_is_not_given_is_the_default_of_a_kind(
    kind, tmp_path, monkeypatch
):
    assert synthesize.KINDS[kind] is getattr(synthetic, f"synthesize_{kind}")
    made = mock.Mock()
    monkeypatch.setitem(synthesize.KINDS, kind, made)
    assert nfs_reid("synthesize", f"--kind={kind}", tmp_path) == 0
    made.assert_called_once_with(str(tmp_path), seed=0)


def test_a_default_passes_the_check(tmp_path):
    with small_smoke():
        assert nfs_reid("synthesize", "--kind=llcm", tmp_path / "data") == 0
    assert nfs_reid("check", tmp_path / "data") == 0


def test_summary_and_report_describe_a_run(smoke_run, tmp_path, capsys):
    assert nfs_reid("summary", smoke_run) == 0
    assert "baseline" in capsys.readouterr().out
    (tmp_path / "history.csv").write_text("stage,epoch,loss\nbaseline,0,2\n")
    assert nfs_reid("report", tmp_path) == 0
    assert "<html" in (tmp_path / "report.html").read_text("utf-8")
    assert nfs_reid("report") == 1


def test_an_image_finds_itself_in_a_gallery(
    model, smoke_data, tmp_path, capsys
):
    images = smoke_data / "Thermal"
    infrared = "--modality=infrared"
    gallery = f"--gallery={tmp_path / 'people.db'}"
    shards = tmp_path / "shards"
    flags = (model, infrared, f"--output={shards}")
    assert nfs_reid("embed", *flags, images) == 0
    assert nfs_reid("index", gallery, shards) == 0
    image = sorted(images.rglob("*.bmp"))[5]
    drawing = tmp_path / "answer.png"
    flags = (gallery, model, infrared, "--top=3", f"--drawing={drawing}")
    capsys.readouterr()
    assert nfs_reid("query", *flags, f"--root={images}", image) == 0
    _, best, *_ = capsys.readouterr().out.splitlines()
    assert best.split()[1] == "1.0000"
    assert best.endswith(image.relative_to(images).as_posix())
    assert np.std(cv2.imread(str(drawing))) > 0


def test_a_query_makes_no_gallery(model, smoke_data, tmp_path, capsys):
    gallery = f"--gallery={tmp_path / 'none.db'}"
    image = next(smoke_data.rglob("*.bmp"))
    assert nfs_reid("query", gallery, model, "--modality=visible", image) == 1
    assert "none.db, which does not exist" in capsys.readouterr().err
    assert not (tmp_path / "none.db").exists()
    address = "--gallery=localhost:19530"
    assert nfs_reid("query", address, model, "--modality=visible", image) == 1
    assert "http://host:19530" in capsys.readouterr().err


def test_embed_takes_a_list_of_paths(model, smoke_data, tmp_path):
    paths = sorted(map(str, (smoke_data / "Visible").rglob("*.bmp")))[:3]
    table = pyarrow.table({"path": paths, "camera": [1, 2, 3]})
    parquet.write_table(table, tmp_path / "list.parquet")
    flags = (model, "--modality=visible", f"--output={tmp_path / 'out'}")
    assert nfs_reid("embed", *flags, tmp_path / "list.parquet") == 0
    shards = parquet.read_table(tmp_path / "out")
    assert shards["camera"].to_pylist() == [1, 2, 3]


def test_only_train_takes_all_trials(smoke_data, tmp_path, capsys):
    flags = (f"--data={smoke_data}", f"--output={tmp_path}", "--trial=all")
    assert nfs_reid("search", *flags) == 1
    assert "--trial=all" in capsys.readouterr().err
