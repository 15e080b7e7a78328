"""The wheel and the source distribution hold what they should, and start."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
import yaml

import nfs_keras
from nfs_keras.cli.main import VERBS

ROOT = Path(__file__).parent.parent
LEFT_OUT = shutil.ignore_patterns(
    *(".*", "__pycache__", "*.egg-info", "build", "dist", "data", "runs"),
    "site",
)
BUILD = """
from setuptools import build_meta
build_meta.build_wheel("dist")
build_meta.build_sdist("dist")
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with a wheel and a source distribution of a copy."""
    copy = tmp_path_factory.mktemp("build") / "copy"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    subprocess.run(
        [sys.executable, "-c", BUILD], cwd=copy, check=True, capture_output=True
    )
    return copy / "dist"


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as file:
        yield file


@pytest.fixture(scope="module")
def sources(built):
    """The names in the source distribution, below its one folder."""
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as file:
        return {name.partition("/")[2] for name in file.getnames()}


def package_files():
    """All files of the package."""
    return {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "nfs_keras").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def metadata(wheel):
    (name,) = (n for n in wheel.namelist() if n.endswith("/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def test_the_wheel_has_the_whole_package_and_nothing_else(wheel):
    names = {n for n in wheel.namelist() if ".dist-info/" not in n}
    assert names == package_files()


def test_the_wheel_says_what_it_is(wheel):
    facts = metadata(wheel)
    assert facts["Name"].replace("-", "_") == "nfs_keras"
    assert facts["Version"] == nfs_keras.__version__
    assert facts["Requires-Python"] == ">=3.11"
    assert "Apache-2.0" in (facts["License"], facts["License-Expression"])
    assert "make demo" in facts.get_payload()
    assert {"docs", "gallery", "report", "scale", "serving"} <= set(
        facts.get_all("Provides-Extra")
    )


def test_the_sources_have_the_package_its_tests_and_its_pages(sources):
    assert package_files() <= sources
    for name in ("README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff"):
        assert name in sources
    for folder, pattern in (
        *(("docs", "*.md"), ("examples", "*.py"), ("tests", "*.py")),
        *(("benchmarks", "*.py"), ("examples", "*.ipynb")),
        ("tools", "*.py"),
    ):
        found = (ROOT / folder).rglob(pattern)
        assert {p.relative_to(ROOT).as_posix() for p in found} <= sources


def test_the_command_starts_from_the_wheel(wheel, tmp_path):
    wheel.extractall(tmp_path)
    ended = subprocess.run(
        [sys.executable, "-m", "nfs_keras", "--help"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert all(f"  {verb} " in ended.stdout for verb in VERBS)


def test_the_changelog_begins_with_this_version():
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert text.split("## ")[1].split()[0] == nfs_keras.__version__


def test_the_citation_names_the_paper_of_the_method():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation)
    paper = citation["preferred-citation"]
    assert paper["title"] in (ROOT / "docs" / "search.md").read_text("utf-8")
    names = [author["family-names"] for author in paper["authors"]]
    assert names == ["Chen", "Wan", "Li", "Jing", "Sun"]
    assert paper["year"] == 2021
