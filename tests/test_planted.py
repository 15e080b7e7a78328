import pytest

from benchmarks import planted


@pytest.mark.usefixtures("quick_limits")
def test_the_search_finds_what_was_planted(capsys, monkeypatch):
    # Fewer steps of fewer images: it suffices, if the search is sound.
    monkeypatch.setattr(planted, "NUM_STEPS", 300)
    monkeypatch.setattr(planted, "BATCH", (16, 2))
    assert planted.main(["--smoke"]) == 0
    assert "identity split" in capsys.readouterr().out


@pytest.mark.parametrize(
    "case, scores, passed",
    [
        ("image split", (0.95, 1.0), True),
        ("image split", (0.94, 1.0), False),
        ("without CMCO", (0.94, 0.5), True),
        ("without CMCO", (0.95, 0.5), False),
    ],
)
def test_a_split_must_reach_the_bar_with_each_seed_and_a_control_with_none(
    monkeypatch, case, scores, passed
):
    def search(seed, **options):
        return {"channel recall": 1.0, "channel precision": scores[seed]}

    monkeypatch.setattr(planted, "search", search)
    assert planted.run(case, seeds=(0, 1))[1] == passed
