import numpy as np
import pytest
from search_cases import (
    derive_at_random,
    make_batch,
    plain_model,
    small_network,
)

from nfs_keras.layers import find_gates
from nfs_keras.models import (
    Architecture,
    compact,
    diagnose,
    discretisation_gap,
    named_gates,
)

HALF = np.arange(100) % 2 == 0


def architecture_of(visible, infrared=HALF):
    return Architecture({"stage3_channel": [visible, infrared]})


def history_of(*logits):
    """A history of epochs that have the same logit everywhere."""
    rows = np.array(logits, "float32")[:, None, None]
    return {"stage3_channel": np.broadcast_to(rows, (len(logits), 2, 100))}


def test_a_search_that_chose_has_nothing_to_hear():
    history = history_of(1.5, 3.0)
    assert diagnose(architecture_of(HALF), history, 0.5, 0.5) == []


def test_gates_that_all_stayed_open_are_found():
    every = np.ones(100, bool)
    (finding,) = diagnose(architecture_of(every, every))
    assert finding.startswith("stage3_channel: all gates are open")
    assert "budget" in finding


def test_open_gates_of_one_modality_are_a_choice():
    assert diagnose(architecture_of(np.ones(100, bool))) == []


@pytest.mark.parametrize("infrared", [HALF, np.arange(100) == 5])
def test_gates_that_all_closed_are_found_even_of_one_modality(infrared):
    only = np.arange(100) == 3
    (finding,) = diagnose(architecture_of(only, infrared))
    assert finding.startswith("stage3_channel: all gates but the strongest")
    assert "SearchPhases" in finding


@pytest.mark.parametrize("end, stalled", [(1.5, 1), (0.0, 1), (3.0, 0)])
def test_an_entropy_that_does_not_fall_is_found(end, stalled):
    findings = diagnose(architecture_of(HALF), history_of(1.5, 1.5, end))
    assert len(findings) == stalled
    assert all("did not decide" in finding for finding in findings)


def test_one_epoch_has_no_finding_about_the_entropy():
    assert diagnose(architecture_of(HALF), history_of(1.5)) == []


@pytest.mark.parametrize("after, gap", [(0.30, 1), (0.49, 0), (0.60, 0)])
def test_a_discretisation_gap_is_found(after, gap):
    findings = diagnose(
        architecture_of(HALF), metric_before=0.5, metric_after=after
    )
    assert len(findings) == gap
    assert all("from 0.5 to 0.3" in finding for finding in findings)


@pytest.mark.parametrize("make", [small_network, plain_model])
def test_the_gap_is_measured_with_relaxed_and_with_derived_gates(make):
    network = make()
    derive_at_random(network)
    name, gate = next(iter(named_gates(network).items()))

    def opened(network):
        return float(np.mean(gate.keep(1, 0)))

    architecture = Architecture.derive(network)
    before, after = discretisation_gap(network, architecture, opened)
    assert before == opened(network)
    assert after == pytest.approx(architecture.masks[name][0].mean())
    assert after != before
    assert all(float(gate.searching) == 1 for gate in find_gates(network))


def embeddings(network):
    return np.array(network(make_batch()[0])["embedding"])


def test_the_gap_is_that_of_the_network_that_is_derived():
    """An entry that no modality keeps is zero, whatever the neck makes of it.

    The derived network that is measured, the one whose features are copied,
    and the compacted one are the same.
    """
    network = small_network()
    derive_at_random(network)
    architecture = Architecture.derive(network)
    gap = []
    discretisation_gap(
        network, architecture, lambda n: gap.append(embeddings(n))
    )
    fresh = small_network(seed=1)
    architecture.apply(fresh)
    fresh.copy_features(network)
    dead = ~architecture.masks["stage1_channel"].any(axis=0)
    assert dead.any()
    for found in (gap[1], embeddings(fresh)):
        assert not found[:, dead].any()
        np.testing.assert_allclose(
            found[:, ~dead], embeddings(compact(fresh)), atol=1e-5
        )


def test_a_history_of_one_modality_is_read_too():
    one = Architecture({"cell/channel": [HALF]})
    rows = np.full((2, 1, 100), 1.5, "float32")
    (finding,) = diagnose(one, {"cell/channel": rows})
    assert "did not decide" in finding
