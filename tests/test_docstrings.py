"""Every example in a docstring runs and is right."""

import doctest
import importlib
import pkgutil

import keras
import numpy as np
import pytest

import nfs_keras

MODULES = [
    info.name
    for info in pkgutil.walk_packages(nfs_keras.__path__, "nfs_keras.")
    if not info.ispkg and not info.name.endswith("__main__")
]

# What the examples take for granted, as Keras' own do.
GIVEN = {"keras": keras, "nfs_keras": nfs_keras, "np": np}


def examples_of(name):
    module = importlib.import_module(name)
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = finder.find(module, name, extraglobs=GIVEN)
    return [test for test in found if test.examples]


EXAMPLES = [test for name in MODULES for test in examples_of(name)]


@pytest.mark.parametrize("test", EXAMPLES, ids=lambda test: test.name)
def test_an_example_runs(test, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    report = []
    runner.run(test, out=report.append, clear_globs=False)
    assert not runner.failures, "".join(report)


def test_every_module_has_a_docstring():
    silent = [n for n in MODULES if not importlib.import_module(n).__doc__]
    assert silent == []


def test_the_examples_of_the_layers_are_found():
    names = {test.name.rsplit(".", 1)[-1] for test in EXAMPLES}
    assert {"ChannelSearch", "SpatialSearch", "DualLevelSearch"} <= names
