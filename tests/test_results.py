from nfs_keras.pipeline.results import format_results


def row(name, *figures, flops=61.7e6, **spread):
    forth, back = (
        {"rank1": r, "mean_ap": m, **spread}
        for r, m in (figures[:2], figures[2:])
    )
    return {
        "name": name,
        "visible_to_infrared": forth,
        "infrared_to_visible": back,
        "flops": flops,
        "images_per_second": 2228.4,
        "cpu_seconds": 95.0,
    }


BASELINE = row("baseline", 50.0, 40.0, 52.0, 41.0)


def test_a_line_holds_scores_and_costs():
    *_, line = format_results([BASELINE]).splitlines()
    assert line.split() == [
        "baseline", "50.0", "40.0", "52.0", "41.0", "61.7", "M", "2,228",
        "1", "min", "35", "s",
    ]  # fmt: skip


def test_gain_and_loss_are_stated_as_they_are_with_what_was_saved():
    searched = row("compacted", 53.0, 39.0, 54.5, 41.5, flops=30.85e6)
    text = format_results([BASELINE, searched])
    assert "R-1 +3.0, +2.5; mAP -1.0, +0.5; 50% fewer operations" in text


def test_what_both_trainings_cost_is_stated():
    text = format_results([BASELINE, row("compacted", 51, 41, 51, 41)])
    assert "Processor time of training: 1 min 35 s the baseline" in text


def test_chance_is_stated_with_a_single_run():
    baseline = row("baseline", 50, 40, 50, 40, intervals={"rank1": (46, 54.4)})
    text = format_results([baseline, row("compacted", 51, 41, 51, 41)])
    assert "could be 4.2 off" in text


def test_deviation_is_stated_with_several_trials():
    baseline = row("baseline", 50, 40, 50, 40, deviation={"rank1": 1.5})
    text = format_results([baseline, row("compacted", 51, 41, 51, 41)])
    assert "R-1 deviates by 1.5" in text


def test_a_dataset_with_one_direction_has_one():
    del (only := row("baseline", 50, 40, 50, 40))["visible_to_infrared"]
    text = format_results([only])
    assert "R-1 I->V" in text and "V->I" not in text


def test_columns_are_aligned():
    lines = format_results([BASELINE, BASELINE]).splitlines()
    assert len({len(line) for line in lines[1:]}) == 1


def test_synthetic_people_are_named():
    assert "Synthetic people" in format_results([BASELINE], synthetic=True)
    assert "Synthetic" not in format_results([BASELINE])
