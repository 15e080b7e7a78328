import dataclasses

import keras
import numpy as np
import pytest
from search_cases import make_network

from nfs_keras.losses import BatchHardTriplet, WeightedRegularizedTriplet
from nfs_keras.models import TrainingModel
from nfs_keras.recipes import PRESETS, Recipe, agw_steps, cosine


@pytest.mark.parametrize("preset", PRESETS)
def test_a_smoke_recipe_keeps_the_network_and_shrinks_the_rest(preset):
    recipe = PRESETS[preset]()
    smoke = recipe.smoke()
    assert smoke.backbone == recipe.backbone
    epochs = smoke.epochs + smoke.warm_up_epochs + smoke.search_epochs
    assert epochs * smoke.steps < 10
    assert min(smoke.epochs, smoke.warm_up_epochs, smoke.search_epochs) > 0


def test_agw_warms_up_and_falls_in_two_steps():
    schedule = agw_steps(0.1, epochs=81, steps=7)
    rates = {0: 0.01, 1: 0.02, 9: 0.1, 19: 0.1, 20: 0.01, 49: 0.01, 50: 0.001}
    for epoch, rate in rates.items():
        for step in (0, 6):  # the first and the last of the epoch
            found = float(schedule(7 * epoch + step))
            np.testing.assert_allclose(found, rate, rtol=1e-6)


@pytest.mark.parametrize("schedule", [cosine, agw_steps])
@pytest.mark.parametrize("epochs, steps", [(1, 2), (2, 2), (16, 65), (60, 65)])
def test_a_schedule_fits_any_length(schedule, epochs, steps):
    rates = schedule(0.1, epochs, steps)
    some = np.linspace(0, epochs * steps - 1, 10).astype(int).tolist()
    values = [float(rates(k)) for k in some]
    assert max(values) <= 0.1 + 1e-6 and min(values) >= 0.0


def test_the_paper_moves_the_head_ten_times_as_fast():
    recipe = dataclasses.replace(PRESETS["paper"](), steps=2)
    model = TrainingModel(make_network(search=None))
    model.compile(recipe.optimizer(81), recipe.objective())
    variables = model.weight_variables
    head = {id(v) for v in model.network.head.variables}
    before = [np.array(v) for v in variables]
    model.optimizer.apply([keras.ops.ones_like(v) for v in variables])
    moved = [
        float(np.mean(b - np.array(v)))
        for b, v in zip(before, variables, strict=True)
    ]
    fast = [m for m, v in zip(moved, variables, strict=True) if id(v) in head]
    slow = [
        m for m, v in zip(moved, variables, strict=True) if id(v) not in head
    ]
    assert len(fast) == 2
    np.testing.assert_allclose(fast, 10 * np.mean(slow), rtol=0.05)


def test_the_triplet_loss_is_the_one_that_is_named():
    hard, weighted = (Recipe(triplet=t) for t in ("hard", "weighted"))
    assert isinstance(hard.objective().triplet_loss, BatchHardTriplet)
    for objective in (weighted.objective(), weighted.arch_objective()):
        assert isinstance(objective.triplet_loss, WeightedRegularizedTriplet)


def test_the_baseline_can_go_without_contrast():
    recipe = Recipe(contrast=0.5)
    assert recipe.objective().weights["contrast"] == 0.5
    assert recipe.objective(contrast=0.0).terms == ["identity", "triplet"]


def test_another_backbone_starts_from_weights_that_fit_it():
    demo = PRESETS["demo"]()
    assert demo.with_backbone("resnet18").weights is None
    assert demo.with_backbone("agw").weights == "imagenet"
    assert demo.with_backbone("agw").with_backbone(demo.backbone) == demo


def test_the_rate_falls_during_the_warm_up_and_then_stays():
    recipe = PRESETS["demo"]()
    optimizer = recipe.search_optimizer()
    optimizer.build([keras.Variable(0.0)])
    end = recipe.warm_up_epochs * recipe.steps
    rates = []
    for step in (end // 2, 9 * end // 8, 2 * end):
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    last = recipe.search_rate * recipe.learning_rate
    assert rates[0] > 3 * last
    np.testing.assert_allclose(rates[1:], last, rtol=1e-4)
