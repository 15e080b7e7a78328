import collections
import dataclasses

import keras
import numpy as np
import pytest
from search_cases import small_network

from nfs_keras.datasets import Sample
from nfs_keras.layers import find_gates
from nfs_keras.losses import BatchHardTriplet, WeightedRegularizedTriplet
from nfs_keras.models import TrainingModel
from nfs_keras.presets import PRESETS, Demo, Paper, WarmCosine, agw_steps


@pytest.mark.parametrize("preset", PRESETS)
def test_a_smoke_preset_keeps_the_network_and_shrinks_the_rest(preset):
    full = PRESETS[preset]()
    smoke = full.smoke()
    assert type(smoke) is type(full)
    assert smoke.backbone == full.backbone
    first, last = smoke.search_epochs()
    assert 0 < first < last < smoke.epochs <= 3  # each phase has an epoch


def test_agw_warms_up_and_falls_in_two_steps():
    schedule = agw_steps(0.1, num_steps=81 * 7)
    rates = {0: 0.01, 1: 0.02, 9: 0.1, 19: 0.1, 20: 0.01, 49: 0.01, 50: 0.001}
    for epoch, rate in rates.items():
        for step in (0, 6):  # the first and the last of the epoch
            found = float(schedule(7 * epoch + step))
            np.testing.assert_allclose(found, rate, rtol=1e-6)


@pytest.mark.parametrize("schedule", [WarmCosine, agw_steps])
@pytest.mark.parametrize("steps", [2, 4, 16 * 65, 60 * 65])
def test_a_schedule_fits_any_length(schedule, steps):
    rates = schedule(0.1, steps)
    some = np.linspace(0, steps - 1, 10).astype(int).tolist()
    values = [float(rates(k)) for k in some]
    assert max(values) <= 0.1 + 1e-6 and min(values) >= 0.0


def test_the_paper_moves_the_head_ten_times_as_fast_and_can_be_saved(tmp_path):
    network = small_network(None)
    model = TrainingModel(network)
    model.compile(Paper().optimizer(network, 162), loss=Paper().loss())
    variables = model.weight_variables
    head = {id(v) for v in network.head_variables}
    before = [np.array(v) for v in variables]
    model.optimizer.apply([keras.ops.ones_like(v) for v in variables])
    moved = collections.defaultdict(list)
    for old, new in zip(before, variables, strict=True):
        moved[id(new) in head].append(float(np.mean(old - np.array(new))))
    assert len(moved[True]) == 2
    np.testing.assert_allclose(
        moved[True], 10 * np.mean(moved[False]), rtol=0.05
    )
    model.save(tmp_path / "training.keras")
    model.load_weights(tmp_path / "training.keras")


def test_the_rate_of_the_demo_is_that_of_keras():
    ours = WarmCosine(0.03, 100)
    keras_own = keras.optimizers.schedules.CosineDecay(
        0.003, 100, warmup_target=0.03, warmup_steps=12
    )
    for step in (0, 1, 11, 12, 13, 60, 99, 112, 130):
        np.testing.assert_allclose(ours(step), keras_own(step), rtol=1e-5)
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(ours)
    )
    assert copy(50) == ours(50)


def test_both_losses_have_the_triplet_of_the_preset():
    for preset, cls in ((Demo(), BatchHardTriplet),
                        (Paper(), WeightedRegularizedTriplet)):  # fmt: skip
        for loss in (preset.loss(), preset.arch_loss()):
            assert isinstance(loss.triplet_loss, cls)


def test_the_gates_descend_nothing_that_knows_the_people():
    assert Demo().arch_loss().weights["identity"] == 0


def test_another_backbone_starts_from_weights_that_fit_it():
    demo = Demo()
    assert demo.with_backbone("resnet18").weights is None
    assert demo.with_backbone("agw").weights == "imagenet"
    assert demo.with_backbone("agw").with_backbone(demo.backbone) == demo
    with pytest.raises(ValueError, match="Received: backbone='vgg'"):
        demo.with_backbone("vgg")


def test_an_epoch_shows_as_many_images_as_the_larger_modality_has():
    samples = [Sample("v", i, 1, "visible") for i in range(2060)]
    samples += [Sample("i", i, 2, "infrared") for i in range(1000)]
    assert Demo().steps_per_epoch(samples) == 65  # RegDB's, of 32 each
    assert Demo(batch=(4, 4)).steps_per_epoch(samples) == 129
    assert Demo(max_steps=6).steps_per_epoch(samples) == 6


def test_the_baseline_trains_longer_by_what_the_gates_cost():
    preset = Demo(epochs=20, start=0.25, freeze=0.75)
    assert preset.search_epochs() == (5, 15)
    assert preset.baseline_epochs() == 24  # a proxy of half a batch
    assert (
        dataclasses.replace(preset, proxy_batch=(16, 2)).baseline_epochs() == 28
    )


def test_every_search_starts_from_the_same_weights():
    given = {"weights": None, "initial_logit": 4.0}
    preset = dataclasses.replace(Demo().smoke(), **given)
    plain = preset.network(5, None, seed=3).named_variables()
    for search, count in {
        None: 0,
        "dual": 12,
        "channel": 8,
        "spatial": 4,
    }.items():
        network = preset.network(5, search, seed=3)
        for name, variable in network.named_variables().items():
            np.testing.assert_array_equal(variable, plain[name])
        gates = find_gates(network)
        assert len(gates) == count
        assert all(
            np.all(gate.logits == preset.initial_logit) for gate in gates
        )
