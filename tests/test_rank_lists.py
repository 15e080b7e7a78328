import json

import numpy as np
import pytest
from fake_run import write_run_folder
from figure_checks import check_figure

from nfs_keras.datasets import Sample
from nfs_keras.evaluation import LLCM, SYSU_ALL_SEARCH
from nfs_keras.report import Run, rank_lists
from nfs_keras.report.rank_lists import (
    describe_mistakes,
    find_rank_lists,
    hidden_images,
    plot_rank_lists,
    query_margins,
)

RNG = np.random.default_rng(0)
QUERY, GALLERY = RNG.normal(size=(25, 6)), RNG.normal(size=(60, 6))
ASKED, KNOWN = np.arange(25) % 8, np.arange(60) % 9
PAIRS = (QUERY, GALLERY, ASKED, KNOWN)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def test_margins_agree_with_a_loop():
    similarity = unit(QUERY) @ unit(GALLERY).T
    expected = [
        row[person == KNOWN].max() - row[person != KNOWN].max()
        for row, person in zip(similarity, ASKED, strict=True)
    ]
    np.testing.assert_allclose(query_margins(*PAIRS), expected, atol=1e-6)


def test_the_size_of_a_block_does_not_matter(monkeypatch):
    whole = query_margins(*PAIRS)
    monkeypatch.setattr(rank_lists, "MEMORY", 4 * 60 * 8)
    np.testing.assert_allclose(query_margins(*PAIRS), whole, atol=1e-6)


def test_answers_are_the_most_similar_first():
    similarity = unit(QUERY) @ unit(GALLERY).T
    for ranks in sum(find_rank_lists(*PAIRS), []):
        expected = np.argsort(-similarity[ranks.query])[:10]
        np.testing.assert_array_equal(ranks.gallery, expected)
        same = KNOWN[expected] == ASKED[ranks.query]
        np.testing.assert_array_equal(ranks.correct, same)
        assert ranks.correct[0] == (ranks.margin > 0)


def test_the_worst_have_the_least_margins_each_of_another_person():
    lists, _ = find_rank_lists(*PAIRS, num_worst=8)
    people = [ASKED[x.query] for x in lists]
    assert sorted(people) == list(range(8))
    margins = query_margins(*PAIRS)
    least = sorted(margins[ASKED == person].min() for person in range(8))
    np.testing.assert_allclose([x.margin for x in lists], least, 1e-5)


def test_the_best_have_the_greatest_margins():
    _, (best,) = find_rank_lists(*PAIRS)
    greatest = query_margins(*PAIRS).max()
    np.testing.assert_allclose(best.margin, greatest, 1e-5)


def test_queries_without_a_match_are_left_out():
    asked = np.where(ASKED == 0, 99, ASKED)
    lists, _ = find_rank_lists(QUERY, GALLERY, asked, KNOWN, num_worst=99)
    assert 99 not in {asked[x.query] for x in lists}
    assert len(lists) == 7


def test_excluded_images_are_no_answers():
    cameras = np.arange(60) % 2

    def excluded(rows):
        return np.tile(cameras == 0, (len(rows), 1))

    lists, _ = find_rank_lists(*PAIRS, excluded=excluded)
    for ranks in lists:
        assert np.all(cameras[ranks.gallery] == 1)


def test_a_small_gallery_has_short_lists():
    lists, _ = find_rank_lists(QUERY, GALLERY[:4], ASKED, KNOWN[:4])
    assert {len(x.gallery) for x in lists} == {4}


@pytest.mark.parametrize("num_lists", [1, 3])
def test_the_figure_is_legible_and_its_files_are_named(num_lists):
    lists, _ = find_rank_lists(*PAIRS, num_worst=num_lists)
    query = [Sample(f"q/{k}.png", k, 3, "infrared") for k in ASKED]
    gallery = [Sample(f"g/{k}.png", k, 1, "visible") for k in KNOWN]
    figure, names = plot_rank_lists(lists, query, gallery)
    check_figure(figure)
    expected = [
        [query[x.query].path, *(gallery[k].path for k in x.gallery)]
        for x in lists
    ]
    assert names == expected


def side(cameras, identities):
    return {
        "path": np.zeros(len(cameras)),
        "identity": np.array(identities),
        "camera": np.array(cameras),
    }


def test_sysu_hides_camera_2_from_camera_3():
    query, gallery = side([3, 6], [1, 1]), side([1, 2, 2], [1, 1, 9])
    hidden = hidden_images(SYSU_ALL_SEARCH, query, gallery)
    np.testing.assert_array_equal(
        hidden(np.array([0, 1])), [[0, 1, 1], [0, 0, 0]]
    )


def test_llcm_hides_the_same_person_before_the_same_camera():
    query, gallery = side([3, 6], [1, 1]), side([3, 3, 6], [1, 9, 1])
    hidden = hidden_images(LLCM, query, gallery)
    np.testing.assert_array_equal(
        hidden(np.array([1, 0])), [[0, 0, 1], [1, 0, 0]]
    )


def test_worst_and_best_are_shown_in_both_directions(tmp_path):
    run = Run(write_run_folder(tmp_path / "run"))
    strips = [x for x in describe_mistakes(run) if x.kind == "strip"]
    assert len(strips) == 8
    for strip in strips:
        assert len(strip.tiles) == 11
        assert strip.tiles[0].correct is None
        assert all(tile.uri for tile in strip.tiles)


def test_the_rules_of_the_run_hide_images(tmp_path):
    folder = write_run_folder(tmp_path / "run", 4, 2, images=False)
    rules = {"name": "own", "excluded": [[2, 1]], "excludes_same_camera": False}
    information = json.loads((folder / "run.json").read_text())
    information["protocol"] = rules
    (folder / "run.json").write_text(json.dumps(information))
    strips = [x for x in describe_mistakes(Run(folder)) if x.kind == "strip"]
    # The infrared camera is 2 and sees nothing of the visible camera 1.
    assert {strip.tiles[0].path.split("/")[0] for strip in strips} == {
        "Visible"
    }
