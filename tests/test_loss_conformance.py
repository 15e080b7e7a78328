"""Every exported loss passes every standard check."""

import inspect

import keras
import loss_references as references
import numpy as np
import pytest
from backends import THOROUGHLY
from loss_checks import (
    CHECKS,
    Case,
    by_identity,
    by_identity_and_modality,
    by_pair,
    check_compiles_and_fits,
    check_model_with_the_loss_survives_saving,
)

from nfs_keras import losses

# Of 12 rows, like all other batches, so that JAX compiles for one shape.
NO_POSITIVES = by_identity(np.arange(12), None, seed=0)
ONE_IDENTITY = by_identity(np.full(12, 4), None, seed=0)
ONE_ROW = by_identity(np.array([4]), None, seed=0)

BOTH = np.tile([0, 1, 1, 0], 3)
TWO_PEOPLE = np.repeat([1, 2], 6)
SILENT_CENTERS = (
    by_identity_and_modality(TWO_PEOPLE, 0 * BOTH, seed=0),
    by_identity_and_modality(TWO_PEOPLE, 0 * BOTH + 1, seed=0),
    by_identity_and_modality(np.full(12, 4), BOTH, seed=0),
    by_identity_and_modality(np.arange(12), BOTH, seed=0),
)


def triplet(cls, reference, variant="", **arguments):
    """A case of a loss on identities."""

    def expected(y_true, y_pred):
        return reference(y_true, y_pred, **arguments)

    names = {"distance_metric" if k == "metric" else k: k for k in arguments}
    arguments_of_ours = {ours: arguments[k] for ours, k in names.items()}
    return Case(
        lambda: cls(**arguments_of_ours),
        expected,
        by_identity,
        (NO_POSITIVES, ONE_IDENTITY, ONE_ROW),
        variant,
    )


def hard(margin, soft, metric):
    variant = f"{metric}-{'soft' if soft else margin}"
    return triplet(
        losses.TripletHardLoss,
        references.triplet_hard,
        variant,
        margin=margin,
        soft=soft,
        metric=metric,
    )


def semi_hard(margin, metric):
    return triplet(
        losses.TripletSemiHardLoss,
        references.triplet_semi_hard,
        f"{metric}-{margin}",
        margin=margin,
        metric=metric,
    )


CATALOG = [
    triplet(losses.BatchHardTriplet, references.batch_hard, margin=0.3),
    triplet(
        losses.BatchHardTriplet, references.batch_hard, "soft", margin="soft"
    ),
    triplet(losses.WeightedRegularizedTriplet, references.weighted_regularized),
    hard(1.0, False, "L2"),
    hard(20.0, False, "squared-L2"),
    hard(0.5, True, "angular"),
    semi_hard(1.0, "L2"),
    semi_hard(5.0, "squared-L2"),
    semi_hard(0.2, "angular"),
    Case(
        lambda: losses.ContrastiveLoss(margin=4.0),
        lambda y_true, y_pred: references.contrastive(y_true, y_pred, 4.0),
        by_pair,
        ((np.array([1, 0]), np.array([0.0, 4.5], "float32")),),
    ),
    Case(
        lambda: losses.CrossModalityContrastive(temperature=0.2),
        lambda y_true, y_pred: references.info_nce(y_true, y_pred, 0.2),
        by_identity_and_modality,
        SILENT_CENTERS,
        "info_nce",
    ),
    Case(
        lambda: losses.CrossModalityContrastive("center_margin", margin=1.2),
        lambda y_true, y_pred: references.center_margin(y_true, y_pred, 1.2),
        by_identity_and_modality,
        SILENT_CENTERS,
        "center_margin",
    ),
]
# Left out elsewhere: `test_ops.py` has squared distances, and the loss of the
# hardest negatives has angles.
VARIANTS = (
    "TripletHardLoss-L2-1.0",
    "TripletHardLoss-squared-L2-20.0",
    "TripletSemiHardLoss-squared-L2-5.0",
    "TripletSemiHardLoss-angular-0.2",
)
CASES = [c for c in CATALOG if THOROUGHLY or c.name not in VARIANTS]
# Whole models are slow to make: what another distance or margin does alike is
# not tested again.
OF_WHOLE_MODELS = (
    check_compiles_and_fits,
    check_model_with_the_loss_survives_saving,
)
FIRST = {case.loss_class: case.name for case in reversed(CASES)}.values()
ROWS = [
    pytest.param(case, check, id=f"{case.name}-{check.__name__[6:]}")
    for case in CASES
    for check in CHECKS
    if check not in OF_WHOLE_MODELS
    or case.name in FIRST
    or case.loss_class is losses.CrossModalityContrastive  # two formulas
]


@pytest.mark.parametrize("case, check", ROWS)
def test_loss(case, check, tmp_path):
    check(case, tmp_path)


def test_catalog_covers_every_exported_loss():
    exported = {
        value
        for value in vars(losses).values()
        if inspect.isclass(value) and issubclass(value, keras.losses.Loss)
    }
    assert exported == {case.loss_class for case in CATALOG}
