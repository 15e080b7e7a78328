"""The exact pins lie inside the ranges, and everything has a pin."""

import importlib.metadata
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import nfs_keras

ROOT = Path(__file__).parent.parent


def pins(*files):
    """Reads the exact versions of requirements files."""
    return {
        canonicalize_name(line.split("==")[0]): line.split("==")[1].strip()
        for file in files
        for line in (ROOT / file).read_text().splitlines()
        if "==" in line
    }


PINS = pins("requirements.txt", "requirements-test.txt")
DOCS_PINS = pins("requirements-docs.txt")
# The same module, with and without windows to show images in.
PINS["opencv-python"] = PINS["opencv-python-headless"]


def ranges():
    """Reads the requirements of `setup.py`, those of the extras too."""
    setup = (ROOT / "setup.py").read_text()
    lines = re.findall(r'"([a-z][^"]*>=[^"]+)"', setup)
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize("requirement", ranges(), ids=str)
def test_a_pin_lies_in_its_range(requirement):
    pin = {**DOCS_PINS, **PINS}[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(pin)


def test_pinned_packages_need_nothing_that_is_not_pinned():
    for name in PINS:
        if name == "opencv-python":
            continue
        for line in importlib.metadata.requires(name) or []:
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                assert canonicalize_name(needed.name) in PINS, f"{name}: {line}"


def test_the_documentation_has_the_pins_of_the_tests():
    """So that both fit into one environment."""
    assert {
        name
        for name in DOCS_PINS.keys() & PINS
        if DOCS_PINS[name] != PINS[name]
    } == set()


def test_versions_in_use_are_the_pinned_ones():
    for name in ("keras", "numpy", "tensorflow"):
        assert importlib.metadata.version(name) == PINS[name]


def test_the_version_is_written_once():
    setup = (ROOT / "setup.py").read_text()
    assert nfs_keras.__version__ not in setup
