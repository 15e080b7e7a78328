"""The page about the run's folder names what is there, and loads it."""

import fnmatch
import re
import webbrowser
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from nfs_keras.layers import find_gates
from nfs_keras.models import named_gates

PAGE = (Path(__file__).parents[1] / "docs" / "run_folder.md").read_text()
EXPLAINED = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
DIRECTIONS = ["visible_to_infrared", "infrared_to_visible"]
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def files_of(run, pattern):
    """The files that a name on the page stands for; a folder's are all."""
    pattern = f"{pattern}**/*" if pattern.endswith("/") else pattern
    return {path for path in run.glob(pattern) if path.is_file()}


@pytest.fixture(scope="module")
def names(smoke_run, tmp_path_factory):
    """What the page's Python has given names to, and the opened pages."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "runs").mkdir()
    (folder / "runs" / "first").symlink_to(smoke_run)
    names, opened = {}, []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(webbrowser, "open", opened.append)
        for block in BLOCKS:
            exec(block, names)
    return {**names, "opened": opened}


def test_every_file_of_a_run_is_explained(smoke_run):
    there = {path for path in smoke_run.rglob("*") if path.is_file()}
    there.discard(smoke_run / ".lock")  # which holds nothing
    explained = set().union(*(files_of(smoke_run, x) for x in EXPLAINED))
    assert there - explained == set()


@pytest.mark.parametrize("pattern", EXPLAINED)
def test_what_is_explained_is_there_and_loaded(pattern, smoke_run):
    assert files_of(smoke_run, pattern)
    wanted = f"{pattern}*" if pattern.endswith("/") else pattern
    assert fnmatch.filter(re.findall(r'"([^"]+)"', "".join(BLOCKS)), wanted)


def test_the_page_loads_networks_that_embed_alike(names):
    shape = (4, *names["model"].image_shape)
    images = np.random.default_rng(0).uniform(0, 255, shape).astype("float32")
    searched = np.array(names["searched"].encoder("visible")(images))
    compacted = np.array(names["encoder"](images))
    assert compacted.shape[1] <= searched.shape[1]
    np.testing.assert_allclose(
        compacted @ compacted.T, searched @ searched.T, atol=1e-5
    )
    assert not find_gates(names["baseline"])
    gates = set(named_gates(names["network"]))
    assert gates == set(names["architecture"].masks)


def test_the_page_loads_figures(names):
    assert [row["name"] for row in names["metrics"]] == [
        "baseline", "searched", "compacted",
    ]  # fmt: skip
    assert {row["stage"] for row in names["rows"]} == {"baseline", "search"}
    epochs, modalities, _ = names["gates"]["stage1_channel"].shape
    assert (epochs, modalities) == (len(names["gates"]["temperature"]), 2)
    assert len(names["embedded"]["path"]) == len(names["embedded"]["embedding"])
    assert list(names["thresholds"]) == DIRECTIONS
    assert "report" in names["facts"]["stages"]


def test_the_page_opens_what_others_use(names, smoke_run):
    files = sorted(Path(names["facts"]["dataset"]["root"]).rglob("*.bmp"))
    answer = names["served"](image_bytes=tf.constant([files[0].read_bytes()]))
    assert np.all(answer["valid"])
    assert "open_fraction" in names["events"].Tags()["scalars"]
    (page,) = names["opened"]
    assert page == (smoke_run / "report.html").resolve().as_uri()
