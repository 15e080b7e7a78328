"""The exact pins lie inside the ranges, and everything has a pin."""

import ast
import importlib.metadata
import re
import sys
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


def imported(folder):
    """Names the modules of others that the files of a folder import."""
    names = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module)
            elif isinstance(node, ast.Call) and node.args:
                function = getattr(node.func, "id", "")
                name = getattr(node.args[0], "value", None)
                if function == "optional_import" and isinstance(name, str):
                    names.add(name)
    ours = {file.stem for file in folder.glob("*.py")}
    ours |= {"benchmarks", "examples", "nfs_keras", "not_there", "tests"}
    return {
        name
        for name in names
        if name.split(".")[0] not in ours | set(sys.stdlib_module_names)
    }


def test_what_is_imported_is_declared():
    """Not only required by something else that is."""
    distributions = importlib.metadata.packages_distributions()
    declared = {canonicalize_name(each.name) for each in ranges()}
    declared |= {"opencv-python-headless", "torch"}
    for folder in ("nfs_keras", "tests", "benchmarks", "examples"):
        for name in imported(ROOT / folder):
            top = name.split(".")[0]
            names = ["protobuf"] if top == "google" else distributions.get(top)
            found = {canonicalize_name(x) for x in names or [top]}
            assert found & declared, f"{folder}: {name}"
