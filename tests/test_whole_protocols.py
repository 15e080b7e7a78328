import json

import numpy as np
import pytest
from evaluation_datasets import Embed, FakeLLCM, FakeRegDB, FakeSYSUMM01
from retrieval_reference import brute_force

from nfs_keras.evaluation import (
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
    assert table.notes == ("Galleries drawn by the 'seeded' sampler.",)


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
    ("evaluate", "dataset"),
    [
        (evaluate_regdb, FakeRegDB()),
        (evaluate_sysu_mm01, FakeSYSUMM01()),
        (evaluate_llcm, FakeLLCM()),
    ],
)
def test_every_image_is_embedded_once(evaluate, dataset):
    embed = Embed()
    evaluate(embed, dataset, ranks=(1,))
    assert len(embed.seen) == len(set(embed.seen))


def test_a_single_network_is_tested_on_its_own_trial():
    table = evaluate_regdb(Embed(), FakeRegDB(trial=3))
    assert [*table.rows[0].trials] == [3]
    assert table.notes == ()


@pytest.mark.parametrize(
    "options", [{"trials": (1, 2)}, {"trained_on": 2, "trials": (1,)}]
)
def test_a_foreign_trial_is_refused(options):
    with pytest.raises(ValueError, match="people whom it has learned"):
        evaluate_regdb(Embed(), FakeRegDB(trial=1), **options)


def test_a_trial_without_its_network_is_refused():
    with pytest.raises(ValueError, match=r"Add \[2\] to `embed`"):
        evaluate_regdb({1: Embed()}, FakeRegDB(), trials=(1, 2))


def test_a_forced_leak_is_said_in_the_table():
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
