"""What `metrics.json` keeps of a table."""

from evaluation_datasets import Embed, FakeLLCM, FakeRegDB, FakeSYSUMM01

from nfs_keras.evaluation import evaluate
from nfs_keras.pipeline.scoring import describe_scores


def test_every_row_of_sysu_keeps_its_name():
    table = evaluate(Embed(), FakeSYSUMM01(), ranks=(1, 5), trials=(0, 1))
    scores = describe_scores(table)
    assert {key: row["title"] for key, row in scores["rows"].items()} == {
        row.key: row.name for row in table.rows
    }
    assert len(scores["rows"]) == 4
    assert scores["infrared_to_visible"]["title"] == "all-search, single-shot"
    assert "visible_to_infrared" not in scores


def test_the_released_scale_of_llcm_is_filed_under_its_own_direction():
    dataset = FakeLLCM(scoring="released")
    table = evaluate(Embed(), dataset, ranks=(1,), trials=(0,))
    scores = describe_scores(table)
    visible, infrared = (
        scores[f"{name}"]
        for name in ("visible_to_infrared", "infrared_to_visible")
    )
    assert visible["title"] == "visible to infrared, released program"
    assert infrared["title"] == "infrared to visible"
    assert infrared["rank1"] == table["infrared to visible"].mean["rank1"]


def test_both_directions_of_regdb_are_rows_as_well():
    scores = describe_scores(evaluate(Embed(), FakeRegDB()))
    for direction, row in scores["rows"].items():
        assert scores[direction] is row
        assert set(row["intervals"]) > {"rank1", "mean_ap"}
