import html.parser
import json
import shutil
import tracemalloc

import numpy as np
import pytest
from fake_run import write_run_folder

from nfs_keras.report.run import Run
from nfs_keras.report.tell_mistakes import tell_mistakes
from nfs_keras.report.tell_results import tell_gain
from nfs_keras.report.tell_run import tell_data, tell_reproduction
from nfs_keras.report.tell_search import tell_choice, tell_search
from nfs_keras.report.write_report import CHAPTERS, write_report


class Page(html.parser.HTMLParser):
    """Collects what a test asks about a page."""

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


def test_the_story_is_told_in_order(page):
    titles = [title for _, title, _ in CHAPTERS]
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


def test_every_picture_has_words_for_those_who_do_not_see_it(page):
    pictures = [x for tag, x in page.tags if tag == "img"]
    drawings = [x for _, x in page.tags if x.get("role") == "img"]
    assert len(pictures) > 80 and len(drawings) == 11
    assert all(x["alt"].strip() for x in pictures)
    assert all(x["aria-label"].strip() for x in drawings)


def test_a_whole_run_misses_nothing(page):
    assert "had to do without" not in page.text


def test_numbers_are_short(page):
    words = page.text.replace(",", " ").split()
    numbers = [x for x in words if x.replace(".", "").isdigit()]
    assert numbers and max(map(len, numbers)) < 8


EMBEDDINGS = ["embeddings/baseline.npz", "embeddings/searched.npz"]


@pytest.mark.parametrize(
    ("tell", "absent", "words"),
    [
        (tell_data, ["run.json"], "What the data were is not known"),
        (tell_data, EMBEDDINGS, "There are no embeddings of test pictures"),
        (tell_search, ["history.csv"], "No search is recorded in history.csv"),
        (tell_search, ["gates.npz"], "gates.npz was not written"),
        (tell_choice, ["architecture.json"], "architecture.json was not"),
        (tell_gain, ["metrics.json"], "metrics.json was not written"),
        (tell_gain, EMBEDDINGS, "No embeddings were kept"),
        (tell_mistakes, EMBEDDINGS, "No embeddings were kept"),
        (tell_reproduction, ["run.json"], "The command is not known"),
    ],
)
def test_a_chapter_says_what_is_missing(run, tmp_path, tell, absent, words):
    folder = shutil.copytree(
        run, tmp_path / "run", ignore=lambda *_: ["data", "report.html"]
    )
    for name in absent:
        (folder / name).unlink()
    blocks = list(tell(Run(folder)))
    notes = " ".join(x.text for x in blocks if x.kind == "note")
    assert words in notes
    tables = [x.caption for x in blocks if x.kind == "table"]
    if tell is tell_reproduction:
        assert "Parts that this report had to do without" in tables


def test_a_run_without_test_data_says_so(run, tmp_path):
    folder = shutil.copytree(
        run, tmp_path / "run", ignore=lambda *_: ["data", "embeddings"]
    )
    (folder / "metrics.json").unlink()
    (folder / "calibration.json").unlink()
    page = Page(write_report([folder], tmp_path / "report.html"))
    assert "Nothing was evaluated yet" in page.text
    assert "had to do without" in page.text
    assert len(page.headings) == len(CHAPTERS)


def test_a_run_without_search_says_so(tmp_path):
    (tmp_path / "history.csv").write_text("stage,epoch,loss\nbaseline,0,2\n")
    page = Page(write_report([tmp_path], tmp_path / "report.html"))
    assert "No search is recorded" in page.text
    assert "Nothing was chosen" in page.text


def test_pictures_that_moved_away_are_missed(tmp_path):
    folder = write_run_folder(tmp_path / "run", 4, 2, pictures=False)
    blocks = [*tell_data(Run(folder)), *tell_mistakes(Run(folder))]
    notes = " ".join(x.text for x in blocks if x.kind == "note")
    assert "The test pictures were not found" in notes
    tiles = [
        x for strip in blocks if strip.kind == "strip" for x in strip.tiles
    ]
    assert tiles and not any(x.uri for x in tiles)


def test_a_modality_without_test_pictures_is_no_error(tmp_path):
    folder = write_run_folder(tmp_path / "run", 4, 2, pictures=False)
    file = folder / "embeddings/searched.npz"
    arrays = dict(np.load(file))
    visible = arrays["modality"] == "visible"
    np.savez(file, **{name: x[visible] for name, x in arrays.items()})
    blocks = [*tell_gain(Run(folder)), *tell_mistakes(Run(folder))]
    notes = " ".join(x.text for x in blocks if x.kind == "note")
    assert "embeds one modality only" in notes
    assert "nothing to search from infrared" in notes


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&$x$"


def test_text_from_outside_is_escaped(tmp_path):
    name = HOSTILE.replace("/", "\N{DIVISION SLASH}")
    folder = write_run_folder(tmp_path / name, 4, 2, pictures=False)
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
    other = write_run_folder(tmp_path / "other", 4, 2, pictures=False)
    page = Page(write_report([folder, other], tmp_path / "report.html"))
    tags = {tag for tag, _ in page.tags}
    assert "script" not in tags and "b" not in tags
    names = {name for _, attributes in page.tags for name in attributes}
    assert not [name for name in names if name.startswith("on")]
    assert "<script>alert(1)" in page.text


def test_runs_stand_side_by_side_under_one_title(tmp_path, run):
    other = write_run_folder(tmp_path / "demo", 4, 2, seed=1, pictures=False)
    page = Page(write_report([run, other], tmp_path / "report.html"))
    assert len(page.headings) == len(CHAPTERS)
    # Both folders are named "demo": their paths tell them apart.
    assert str(run) in page.text and str(other) in page.text


def test_no_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one run"):
        write_report([], tmp_path / "report.html")


def test_ten_thousand_pictures_take_less_than_their_similarities(tmp_path):
    folder = write_run_folder(tmp_path / "run", 500, 10, 32, pictures=False)
    tracemalloc.start()
    write_report([folder], tmp_path / "report.html")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5000 * 5000 * np.float32().nbytes
    assert (tmp_path / "report.html").stat().st_size < 3e6
