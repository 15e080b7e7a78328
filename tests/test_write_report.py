import html.parser
import json
import pathlib
import re
import shutil

import numpy as np
import pytest
from fake_run import write_run_folder

from benchmarks.measure import peak_memory
from nfs_keras.report.comparison import describe_results
from nfs_keras.report.data import describe_data, describe_reproduction
from nfs_keras.report.kept_features import describe_choice
from nfs_keras.report.rank_lists import describe_mistakes
from nfs_keras.report.run import Run
from nfs_keras.report.training_curves import describe_search
from nfs_keras.report.write_report import SECTIONS, write_report


class Page(html.parser.HTMLParser):
    """Collects tags, words and headings of a page."""

    def __init__(self, file):
        super().__init__()
        self.tags, self.words, self.headings = [], [], []
        self.feed(file.read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        if data.strip() and self.tags and self.tags[-1][0] == "h2":
            self.headings.append(data.strip())
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run_folder(tmp_path_factory.mktemp("runs") / "demo")


@pytest.fixture(scope="module")
def page(run):
    return Page(write_report([run], run / "report.html"))


def test_the_sections_stand_in_order(page):
    titles = [title for _, title, _ in SECTIONS]
    assert [x for x in page.headings if x in titles] == titles


def test_the_page_needs_nothing_but_itself(page):
    for tag, attributes in page.tags:
        assert tag not in ("script", "iframe", "object", "embed")
        for name in ("src", "href", "xlink:href", "srcset", "data"):
            address = attributes.get(name, "#")
            assert address.startswith(("#", "data:")), (tag, address[:80])
    assert "url(http" not in page.text and "@import" not in page.text


def test_no_id_stands_twice(page):
    ids = [x["id"] for _, x in page.tags if "id" in x]
    assert len(ids) == len(set(ids))


def test_every_image_and_chart_has_an_alternative_text(page):
    images = [x for tag, x in page.tags if tag == "img"]
    charts = [x for _, x in page.tags if x.get("role") == "img"]
    assert len(images) > 80 and len(charts) == 11
    assert all(x["alt"].strip() for x in images)
    assert all(x["aria-label"].strip() for x in charts)


def test_a_whole_run_misses_nothing(page):
    assert "Parts that are missing" not in page.text


def test_the_head_of_the_page_states_the_result(page):
    head = page.text[: page.text.index("fingerprint")]
    assert "40% fewer operations" in head
    assert "compacted against baseline" in head


def test_no_column_of_the_page_stays_empty(page, run):
    text = (run / "report.html").read_text("utf-8")
    _, *columns = text.split('<div class="columns" style="--num: ')
    starts = r'<(?:figure|div|p) class="(?:chart|table|facts|strip|note)|<pre'
    assert len(columns) > 10
    for group in columns:
        num_columns = int(group[: group.index('"')])
        assert num_columns == len(re.findall(starts, group))


def test_numbers_are_short(page):
    words = page.text.replace(",", " ").split()
    numbers = [x for x in words if x.replace(".", "").isdigit()]
    assert numbers and max(map(len, numbers)) < 8


def notes_of(blocks):
    """Joins the notes among the blocks of a section."""
    return " ".join(x.text for x in blocks if x.kind == "note")


EMBEDDINGS = ["embeddings/baseline.npz", "embeddings/searched.npz"]


@pytest.mark.parametrize(
    ("describe", "absent", "words"),
    [
        (describe_data, ["run.json"], "The dataset is not known"),
        (describe_data, EMBEDDINGS, "There are no embeddings of test images"),
        (describe_search, ["history.csv"], "No search is recorded in"),
        (describe_search, ["gates.npz"], "gates.npz was not written"),
        (describe_choice, ["architecture.json"], "architecture.json was not"),
        (describe_results, ["metrics.json"], "metrics.json was not written"),
        (describe_results, EMBEDDINGS, "No embeddings were kept"),
        (describe_mistakes, EMBEDDINGS, "No embeddings were kept"),
        (describe_reproduction, ["run.json"], "The command is not known"),
    ],
)
def test_a_section_names_what_is_missing(
    run, tmp_path, describe, absent, words
):
    folder = shutil.copytree(
        run, tmp_path / "run", ignore=lambda *_: ["data", "report.html"]
    )
    for name in absent:
        (folder / name).unlink()
    blocks = list(describe(Run(folder)))
    assert words in notes_of(blocks)
    lists = [x.caption for x in blocks if x.kind == "facts"]
    if describe is describe_reproduction:
        assert "Parts that are missing" in lists


def test_a_run_without_test_data_has_a_page(run, tmp_path):
    folder = shutil.copytree(
        run, tmp_path / "run", ignore=lambda *_: ["data", "embeddings"]
    )
    (folder / "metrics.json").unlink()
    (folder / "calibration.json").unlink()
    page = Page(write_report([folder], tmp_path / "report.html"))
    assert "Nothing was evaluated yet" in page.text
    assert "Parts that are missing" in page.text
    assert len(page.headings) == len(SECTIONS)


def test_a_run_without_search_has_a_page(tmp_path):
    (tmp_path / "history.csv").write_text("stage,epoch,loss\nbaseline,0,2\n")
    page = Page(write_report([tmp_path], tmp_path / "report.html"))
    assert "No search is recorded" in page.text
    assert "Nothing was chosen" in page.text


def test_images_that_moved_away_are_named_as_missing(tmp_path):
    folder = write_run_folder(tmp_path / "run", 4, 2, images=False)
    blocks = [*describe_data(Run(folder)), *describe_mistakes(Run(folder))]
    assert "The test images were not found" in notes_of(blocks)
    tiles = [
        x for strip in blocks if strip.kind == "strip" for x in strip.tiles
    ]
    assert tiles and not any(x.uri for x in tiles)


def test_a_modality_without_test_images_is_no_error(tmp_path):
    folder = write_run_folder(tmp_path / "run", 4, 2, images=False)
    file = folder / "embeddings/searched.npz"
    arrays = dict(np.load(file))
    visible = arrays["modality"] == "visible"
    np.savez(file, **{name: x[visible] for name, x in arrays.items()})
    blocks = [*describe_results(Run(folder)), *describe_mistakes(Run(folder))]
    notes = notes_of(blocks)
    assert "embeds one modality only" in notes
    assert "no searches from infrared" in notes


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&$x$"


def test_two_runs_stand_side_by_side_and_text_from_outside_is_escaped(tmp_path):
    name = HOSTILE.replace("/", "\N{DIVISION SLASH}")
    folder = write_run_folder(tmp_path / name, 4, 2, images=False)
    info = {
        "command": [HOSTILE],
        "options": {HOSTILE: HOSTILE},
        "dataset": {"name": HOSTILE, "root": HOSTILE},
    }
    (folder / "run.json").write_text(json.dumps(info))
    for file in folder.glob("embeddings/*.npz"):
        arrays = dict(np.load(file))
        arrays["path"] = np.array([f"{HOSTILE}{x}" for x in arrays["path"]])
        np.savez(file, **arrays)
    other = tmp_path / "other" / name  # as much as is compared in charts
    other.mkdir(parents=True)
    shutil.copy(folder / "metrics.json", other)
    page = Page(write_report([folder, other], tmp_path / "report.html"))
    # Two runs stand under one title. Their names are equal: paths name them.
    assert len(page.headings) == len(SECTIONS)
    assert f"{folder} and {other}" in page.text
    tags = {tag for tag, _ in page.tags}
    assert "script" not in tags and "b" not in tags
    names = {name for _, attributes in page.tags for name in attributes}
    assert not [name for name in names if name.startswith("on")]
    assert "<script>alert(1)" in page.text


def test_no_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one run"):
        write_report([], tmp_path / "report.html")


def test_ten_thousand_images_take_less_than_their_similarities(tmp_path):
    folder = write_run_folder(tmp_path / "run", 500, 10, 32, images=False)
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak is now
    before = peak_memory()
    write_report([folder], tmp_path / "report.html")
    kilobytes = peak_memory() - before
    assert kilobytes * 1024 < 5000 * 5000 * np.float32().nbytes
    assert (tmp_path / "report.html").stat().st_size < 3e6
