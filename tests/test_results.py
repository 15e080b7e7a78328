import pytest

from nfs_keras.pipeline.results import tell_results


def row(name, *figures, **spread):
    forth, back = (
        {"rank1": r, "mean_ap": m, **spread}
        for r, m in (figures[:2], figures[2:])
    )
    return {
        "name": name,
        "visible_to_infrared": forth,
        "infrared_to_visible": back,
        "flops": 61.7e6,
        "images_per_second": 2228.4,
    }


BASELINE = row("baseline", 50.0, 40.0, 52.0, 41.0)


def test_a_line_tells_scores_and_costs():
    *_, line = tell_results([BASELINE]).splitlines()
    assert line.split() == [
        "baseline", "50.0", "40.0", "52.0", "41.0", "61.7", "M", "2,228",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "figures, words",
    [
        ((53.0, 41.0, 54.5, 41.5), "gained in all figures: R-1 +3.0, +2.5"),
        ((49.0, 39.0, 51.0, 40.0), "lost in all figures: R-1 -1.0, -1.0"),
        ((53.0, 39.0, 54.0, 42.0), "gained in some figures and lost"),
        ((50.0, 40.0, 52.0, 41.0), "changed no figure: R-1 +0.0, +0.0"),
    ],
)
def test_gain_and_loss_are_told_as_they_are(figures, words):
    text = tell_results([BASELINE, row("searched", *figures)])
    assert words in text


def test_chance_is_told_with_a_single_run():
    baseline = row("baseline", 50, 40, 50, 40, intervals={"rank1": (46, 54.4)})
    text = tell_results([baseline, row("searched", 51, 41, 51, 41)])
    assert "could be 4.2 off" in text


def test_deviation_is_told_with_several_trials():
    baseline = row("baseline", 50, 40, 50, 40, deviation={"rank1": 1.5})
    text = tell_results([baseline, row("searched", 51, 41, 51, 41)])
    assert "R-1 deviates by 1.5" in text


def test_a_dataset_with_one_direction_has_one():
    del (only := row("baseline", 50, 40, 50, 40))["visible_to_infrared"]
    text = tell_results([only])
    assert "infrared to visible" in text and "visible to inf" not in text


def test_columns_stand_under_their_titles():
    lines = tell_results([BASELINE, BASELINE]).splitlines()
    assert len({len(line) for line in lines[1:]}) == 1


def test_drawn_people_are_told():
    assert "Synthetic people" in tell_results([BASELINE], synthetic=True)
    assert "Synthetic" not in tell_results([BASELINE])
