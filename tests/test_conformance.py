"""Every exported layer passes every standard check."""

import importlib
import inspect

import keras
import pytest
from backends import THOROUGHLY
from layer_checks import (
    CHECKS,
    Case,
    check_model_serves,
    check_model_survives_saving,
)

from nfs_keras.layers import (
    ChannelSearch,
    DualLevelSearch,
    GeneralizedMeanPooling2D,
    SearchGate,  # the abstract base class
    SpatialSearch,
)
from nfs_keras.reid import FusedBatchNorm, NonLocal

PACKAGES = ("layers", "losses", "callbacks", "search", "reid", "models")

MAP = (6, 4, 3, 5)  # as elsewhere: JAX compiles for each shape
MODALITY = (0, 1, 1, 0, 1, 0)


def search(cls, variant="", num_modalities=2, **arguments):
    """A case of a search layer, whose output is shaped like its input."""

    def create(**kwargs):
        return cls(num_modalities=num_modalities, **arguments, **kwargs)

    modality = MODALITY if num_modalities == 2 else None
    num_weights = (2, 5) if cls is DualLevelSearch else (1, 3)
    return Case(create, MAP, MAP, num_weights, variant, modality)


CATALOG = [
    search(ChannelSearch),
    search(ChannelSearch, "one_modality", num_modalities=1),
    search(ChannelSearch, "binary_concrete", relaxation="binary_concrete"),
    search(ChannelSearch, "straight_through", relaxation="straight_through"),
    search(ChannelSearch, "batch_noise", noise="batch"),
    search(ChannelSearch, "sparsity", sparsity=0.1),
    search(SpatialSearch),
    search(SpatialSearch, "one_modality", num_modalities=1),
    search(DualLevelSearch),
    search(DualLevelSearch, "one_modality", num_modalities=1),
    search(DualLevelSearch, "sum", combine="sum"),
    Case(GeneralizedMeanPooling2D, MAP, (6, 5), (0, 0)),
    Case(lambda **kwargs: NonLocal(7, 2, **kwargs), MAP, (6, 4, 3, 7), (8, 0)),
    Case(FusedBatchNorm, MAP, MAP, (2, 2)),
]


# Whole models are slow to make: what a gate does alike in any variant, and
# what `check_config_roundtrip` has seen of its arguments, is not tested again.
OF_WHOLE_MODELS = (check_model_serves, check_model_survives_saving)
OF_GATES = (
    "binary_concrete", "straight_through", "batch_noise", "sparsity", "sum",
)  # fmt: skip
# A dual cell runs the lines of both levels.
LEVELS = (ChannelSearch, SpatialSearch)
ROWS = [
    pytest.param(case, check, id=f"{case.name}-{check.__name__[6:]}")
    for case in CATALOG
    for check in CHECKS
    if not (check in OF_WHOLE_MODELS and case.variant in OF_GATES)
    and (THOROUGHLY or case.layer_class not in LEVELS)
]


@pytest.mark.parametrize("case, check", ROWS)
def test_layer(case, check, tmp_path):
    check(case, tmp_path)


def public_values(package):
    return vars(importlib.import_module(package)).values()


def test_catalog_covers_every_exported_layer():
    exported = {
        value
        for package in PACKAGES
        for value in public_values(f"nfs_keras.{package}")
        if inspect.isclass(value)
        and issubclass(value, keras.layers.Layer)
        and not issubclass(value, keras.Model)
    }
    assert exported - {SearchGate} == {case.layer_class for case in CATALOG}


def test_variants_have_names_of_their_own():
    names = [case.name for case in CATALOG]
    assert len(names) == len(set(names))
