import json

import numpy as np
import pytest
from dataset_trees import distribute, make_llcm, make_regdb, make_sysu_mm01
from evaluation_datasets import Embed, FakeLLCM, FakeRegDB, FakeSYSUMM01
from retrieval_reference import brute_force

from nfs_keras.datasets import LLCM, SYSUMM01, RegDB
from nfs_keras.evaluation import (
    evaluate,
    evaluate_llcm,
    evaluate_regdb,
    evaluate_sysu_mm01,
)


def assert_scored(metrics, query, gallery, rules):
    """Checks one trial against the loop."""
    sides = Embed()(query), Embed()(gallery)
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in sides]
    cmc, mean_ap, mean_inp, num_valid = brute_force(
        (unit[0] @ unit[1].T).tolist(),
        [(s.identity, s.camera) for s in query],
        [(s.identity, s.camera) for s in gallery],
        rules,
    )
    np.testing.assert_allclose(metrics.cmc, cmc, atol=1e-9)
    assert metrics.mean_ap == pytest.approx(mean_ap, abs=1e-9)
    assert metrics.mean_inp == pytest.approx(mean_inp, abs=1e-9)
    assert metrics.num_valid_queries == num_valid


def test_regdb_scores_both_directions_of_each_trial():
    table = evaluate_regdb({1: Embed(), 4: Embed()}, FakeRegDB())
    for query, other in (("visible", "infrared"), ("infrared", "visible")):
        row = table[f"{query} to {other}"]
        assert [*row.trials] == [1, 4]
        for trial, metrics in row.trials.items():
            reader = FakeRegDB(trial=trial, query=query)
            assert_scored(metrics, reader.query, reader.gallery, "regdb")


def test_sysu_scores_each_mode_shots_and_trial():
    table = evaluate_sysu_mm01(
        Embed(), FakeSYSUMM01(), trials=(0, 7), ranks=(1, 5)
    )
    assert [row.name for row in table.rows] == [
        "all-search, single-shot",
        "all-search, multi-shot",
        "indoor-search, single-shot",
        "indoor-search, multi-shot",
    ]
    for row in table.rows:
        mode = row.name.split("-")[0]
        shots = 10 if "multi" in row.name else 1
        for trial, metrics in row.trials.items():
            reader = FakeSYSUMM01(mode=mode, shots=shots, trial=trial)
            assert_scored(metrics, reader.query, reader.gallery, "sysu_mm01")
    # The last person's queries from camera 3 lose their only match.
    assert table.rows[0].num_valid_queries == [30, 30]
    assert table.notes == ("Galleries are sampled by sampler='seeded'.",)


def test_llcm_scores_both_directions():
    table = evaluate_llcm(Embed(), FakeLLCM(), trials=(0, 3), ranks=(1, 5))
    for query, other in (("visible", "infrared"), ("infrared", "visible")):
        row = table[f"{query} to {other}"]
        for trial, metrics in row.trials.items():
            reader = FakeLLCM(query=query, trial=trial)
            assert_scored(metrics, reader.query, reader.gallery, "llcm")


def test_the_released_scale_of_llcm_has_its_own_name():
    dataset = FakeLLCM(scoring="released")
    table = evaluate_llcm(Embed(), dataset, trials=(2,), ranks=(1,))
    assert [row.name for row in table.rows] == [
        "visible to infrared, released program",
        "infrared to visible",
    ]
    assert "not comparable" in str(table)
    reader = FakeLLCM(trial=2, scoring="released")
    assert {s.modality for s in reader.query} == {"infrared"}
    metrics = table.rows[0].trials[2]
    assert_scored(metrics, reader.query, reader.gallery, "llcm")
    reader = FakeLLCM(trial=2, query="infrared")
    metrics = table.rows[1].trials[2]
    assert_scored(metrics, reader.query, reader.gallery, "llcm")


@pytest.mark.parametrize(
    ("evaluate_it", "dataset"),
    [
        (evaluate_regdb, FakeRegDB()),
        (evaluate_sysu_mm01, FakeSYSUMM01()),
        (evaluate_llcm, FakeLLCM()),
    ],
)
def test_every_image_is_embedded_once(evaluate_it, dataset):
    embed = Embed()
    evaluate_it(embed, dataset, ranks=(1,))
    assert len(embed.seen) == len(set(embed.seen))


def test_a_single_network_is_tested_on_its_own_trial():
    table = evaluate_regdb(Embed(), FakeRegDB(trial=3))
    assert [*table.rows[0].trials] == [3]
    assert table.notes == ()


@pytest.mark.parametrize(
    "options", [{"trials": (1, 2)}, {"trained_on": 2, "trials": (1,)}]
)
def test_a_foreign_trial_raises(options):
    with pytest.raises(ValueError, match="people of its training set"):
        evaluate_regdb(Embed(), FakeRegDB(trial=1), **options)


def test_a_trial_without_its_network_raises():
    with pytest.raises(ValueError, match=r"Add \[2\] to `embed`"):
        evaluate_regdb({1: Embed()}, FakeRegDB(), trials=(1, 2))


def test_a_forced_leak_is_noted_in_the_table():
    table = evaluate_regdb(Embed(), FakeRegDB(), trials=(1, 2), force=True)
    assert [*table.rows[0].trials] == [1, 2]
    for text in (str(table), table.markdown(), json.dumps(table.to_dict())):
        assert "LEAK, forced: trial 2" in text
        assert "LEAK, forced: trial 1" not in text


def test_reranking_is_off_and_named_when_on():
    plain = evaluate_regdb(Embed(), FakeRegDB())
    reranked = evaluate_regdb(Embed(), FakeRegDB(), rerank=True)
    assert "Re-ranked" not in str(plain)
    assert "Re-ranked: k-reciprocal" in reranked.markdown()
    assert reranked.rows[0].mean != plain.rows[0].mean


def test_flips_are_named():
    embed = Embed()
    embed.flip = True
    assert "mirror image" in str(evaluate_regdb(embed, FakeRegDB()))


def test_an_embedding_function_gives_one_row_per_sample():
    with pytest.raises(ValueError, match="for 60 samples"):
        evaluate_regdb(lambda samples: np.ones((3, 2)), FakeRegDB())


def knows_everyone(samples):
    """A different random direction for each person."""
    people = np.random.default_rng(0).normal(size=(2000, 32))
    return people[[sample.identity for sample in samples]]


def sysu_test_half(root):
    """SYSU-MM01's test people: 56 of the 96 are before indoor cameras."""
    test = range(1, 97)
    counts = {(6, person): 20 for person in test}
    counts |= distribute(3, test[:56], 1088) | distribute(3, test[56:], 795)
    counts |= {(camera, i): 1 for camera in (1, 2) for i in test[:56]}
    counts |= {(4, person): 1 for person in test}
    counts |= {(5, person): 1 for person in test[:93]}
    return make_sysu_mm01(root, [], [], test, counts)


def test_sysu_has_the_published_numbers_of_valid_queries(tmp_path):
    dataset = SYSUMM01(sysu_test_half(tmp_path))
    table = evaluate_sysu_mm01(knows_everyone, dataset, trials=(0,), shots=(1,))
    all_search, indoor = (row.trials[0] for row in table.rows)
    assert (all_search.num_valid_queries, indoor.num_valid_queries) == (
        3803,
        2208,
    )
    assert indoor.skipped == (
        "of 3,803 queries 1,595 have no match left in the gallery: "
        "1,595 identity absent, 0 camera rule"
    )
    assert all_search.mean_inp == indoor.mean_inp == 1


def test_regdb_is_read_and_scored(tmp_path):
    dataset = RegDB(make_regdb(tmp_path, images=4, trials=(1, 2)))
    embeds = dict.fromkeys((1, 2), knows_everyone)
    table = evaluate_regdb(embeds, dataset, ranks=(1,))
    for row in table.rows:
        assert row.mean == {"rank1": 100, "mean_ap": 100, "mean_inp": 100}
        assert row.num_valid_queries == [16, 16]


def test_llcm_is_read_and_scored_on_both_scales(tmp_path):
    root = make_llcm(tmp_path, 3, 60, 54, 4)
    for scoring in ("paper", "released"):
        dataset = LLCM(root, scoring=scoring)
        table = evaluate_llcm(
            knows_everyone, dataset, trials=(0, 5), ranks=(1,)
        )
        for row in table.rows:
            assert row.mean["mean_ap"] == 100
            assert [*row.trials] == [0, 5]


def test_evaluate_scores_every_dataset_on_its_own_protocol():
    how = {"ranks": (1, 5)}
    for dataset, function in (
        (FakeRegDB(trial=4), evaluate_regdb),
        (FakeSYSUMM01(), evaluate_sysu_mm01),
        (FakeLLCM(scoring="released"), evaluate_llcm),
    ):
        table = evaluate(Embed(), dataset, **how)
        assert table.to_dict() == function(Embed(), dataset, **how).to_dict()


def test_every_row_has_a_key_and_a_direction_of_its_own():
    table = evaluate(Embed(), FakeSYSUMM01(), ranks=(1,), trials=(0,))
    assert [row.key for row in table.rows] == [
        "all_search_single_shot",
        "all_search_multi_shot",
        "indoor_search_single_shot",
        "indoor_search_multi_shot",
    ]
    assert {row.direction for row in table.rows} == {"infrared_to_visible"}
    dataset = FakeLLCM(scoring="released")
    table = evaluate(Embed(), dataset, ranks=(1,), trials=(0,))
    assert {row.key: row.direction for row in table.rows} == {
        "visible_to_infrared_released_program": "visible_to_infrared",
        "infrared_to_visible": "infrared_to_visible",
    }
