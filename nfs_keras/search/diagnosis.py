"""Finds the reasons why a search has failed."""

import numpy as np
from keras import ops

from nfs_keras.layers import find_gates
from nfs_keras.ops import gate_entropy

NEARLY_ALL = 0.99  # of a gate's choices, for one modality
STALLED = 0.95  # of the entropy at the start, still left at the end
GAP = 0.05  # of the metric, lost by derivation


def diagnose(architecture, history=None, metric_before=None, metric_after=None):
    """Describes what is wrong with a search, if it failed in one of four ways.

    - All choices of a gate are open, for both modalities: nothing was chosen.
    - All but the strongest are closed, for one modality: hardly anything
      passes the gate.
    - The gates' entropy did not fall: nothing was decided.
    - The metric fell when the gates were derived: the derived network differs
      too much from the trained one. This is the *discretisation gap*.

    The thresholds (0.99 of the gates, 0.95 of the entropy, 0.05 of the
    metric) are our choice.

    Args:
        architecture: `Architecture` that the search has found.
        history: The file that `GateHistory` has written, as `np.load` reads
            it: from a gate's name to its logits by epoch. Without it the
            entropy is not checked.
        metric_before: Float, the larger the better: the searched network with
            its gates relaxed. See `discretisation_gap`.
        metric_after: Float. The same with its gates derived.

    Returns:
        List of texts, each a finding and what to do; empty if there is none.
    """
    findings = [
        finding
        for name, mask in architecture.masks.items()
        for finding in describe_gate(name, mask)
    ]
    if history is not None:
        findings += describe_entropy(history, architecture.masks)
    if metric_before is not None and metric_after is not None:
        findings += describe_gap(metric_before, metric_after)
    return findings


def discretisation_gap(network, architecture, metric):
    """Measures a searched network before and after derivation.

    Args:
        network: The searched model. Its gates are in the same state
            afterwards.
        architecture: The `Architecture` that was derived from it.
        metric: Function of a network, the larger the better, such as the mean
            average precision of its embeddings.

    Returns:
        `(before, after)`, as `diagnose` takes them.
    """
    before = metric(network)
    gates = find_gates(network)
    states = [
        [ops.convert_to_numpy(v) for v in (g.mask, g.searching)] for g in gates
    ]
    architecture.apply(network)
    try:
        return before, metric(network)
    finally:
        for gate, (mask, searching) in zip(gates, states, strict=True):
            gate.mask.assign(mask)
            gate.searching.assign(searching)


def describe_gate(where, mask):
    """Lists findings about how much one gate keeps."""
    opened = mask.reshape(len(mask), -1).mean(axis=1)
    strongest = 1 / mask[0].size  # is kept whatever its logit
    if opened.min() >= NEARLY_ALL:
        return [
            f"{where}: all gates are open, nothing was chosen. Give the search "
            "a budget or a larger `budget_weight`, a larger learning rate of "
            "the gates, or a lower `initial_logit`."
        ]
    if opened.min() <= max(1 - NEARLY_ALL, strongest):
        return [
            f"{where}: all gates but the strongest are closed for a modality, "
            "hardly anything passes. Train the weights longer before gates "
            "move (`SearchPhases`), raise the budget, or lower the learning "
            "rate of the gates."
        ]
    return []


def describe_entropy(history, names):
    """Lists findings about the entropy of all gates, first epoch to last."""
    logits = np.concatenate(
        [history[name].reshape(len(history[name]), -1) for name in names],
        axis=1,
    )
    bits = ops.convert_to_numpy(gate_entropy(logits)).mean(axis=1)
    if len(bits) < 2 or bits[-1] < STALLED * bits[0]:
        return []
    return [
        f"The gates' entropy went from {bits[0]:.2f} to {bits[-1]:.2f} bits: "
        "they did not decide. Search for more epochs, with a larger learning "
        "rate of the gates or a larger weight of the contrast, and let the "
        "temperature fall (`TemperatureAnnealing`)."
    ]


def describe_gap(before, after):
    """Lists findings about the loss of the metric by derivation."""
    if after >= (1 - GAP) * before:
        return []
    return [
        f"Derivation took the metric from {before:.4g} to {after:.4g}: the "
        "network relied on gates that are neither open nor closed. End at a "
        "lower temperature, search longer, and retrain with the derived gates."
    ]
