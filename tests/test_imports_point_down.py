"""Reads every import and checks that it points down.

A file imports from levels below its own or from its own package, never from a
package beside it and never from above.
"""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "nfs_keras"
FILES = sorted(PACKAGE.rglob("*.py"))

LEVELS = {
    "files": 0,
    "arguments": 0,
    "modalities": 0,
    "ops": 0,
    "optional": 0,
    "schedules": 0,
    "text_tables": 0,
    "layers": 1,
    "losses": 1,
    "run_folder": 1,
    "evaluation": 1,
    "synthetic": 1,
    "datasets": 2,
    "search": 2,
    "callbacks": 3,
    "reid": 3,
    "models": 4,  # the public names of `search` and `reid`
    "serving": 5,
    "report": 5,
    "scale": 5,
    "distribute": 5,
    "presets": 6,
    "pipeline": 7,
    "cli": 8,
    "__main__": 9,
    "__init__": 9,
}

# Everything else is Keras alone, and so runs on JAX and PyTorch too.
WITH_TENSORFLOW = {
    *("datasets", "serving", "scale", "distribute", "pipeline"),
    *("search/search_model", "search/training_model", "search/unrolled"),
    "cli/program",
    # These use it where it is the backend, and Keras elsewhere.
    *("layers/replicas", "reid/fused_batch_norm"),
}


def package_of(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_names(node):
    """Lists what a node imports, in full: `a.b.c` for `from a.b import c`."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        dots = "." * node.level
        module = f"{dots}{node.module or ''}"
        return [f"{module}.{alias.name}" for alias in node.names]
    return []


def imports_of(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [name for node in ast.walk(tree) for name in imported_names(node)]


def breaches(path, home):
    """Lists the imports of a file that do not point down."""
    wrong = []
    for name in imports_of(path):
        package, _, rest = name.partition(".")
        if package != "nfs_keras" or rest == "__version__":
            continue
        target = rest.split(".")[0]
        if target == home:
            continue
        if LEVELS.get(target, len(LEVELS)) >= LEVELS[home]:
            wrong.append(f"{path.name}: {name}")
    return wrong


def test_every_package_has_its_level():
    assert {package_of(path) for path in FILES} == set(LEVELS)


def test_imports_point_down():
    assert [b for path in FILES for b in breaches(path, package_of(path))] == []


def test_imports_are_absolute_and_public():
    for path in FILES:
        for name in imports_of(path):
            assert not name.startswith("."), f"{path}: {name} is relative"
            for private in ("keras.src", "tensorflow.python"):
                assert not f"{name}.".startswith(f"{private}."), path


def test_tensorflow_is_imported_only_where_it_is_needed():
    for path in FILES:
        names = {name.split(".")[0] for name in imports_of(path)}
        module = path.relative_to(PACKAGE).with_suffix("").as_posix()
        if "tensorflow" in names:
            assert {module, package_of(path)} & WITH_TENSORFLOW, module


@pytest.mark.parametrize(
    "line, home",
    [
        ("from nfs_keras.losses import BatchHardTriplet", "layers"),
        ("from nfs_keras.models import compact", "callbacks"),
        ("from nfs_keras.reid import reid_network", "search"),
        ("from nfs_keras.callbacks import GateHistory", "search"),
        ("from nfs_keras import pipeline", "report"),
        ("import nfs_keras", "layers"),
        ("import nfs_keras.layers.search_gate", "ops"),
        ("def f():\n    from nfs_keras.scale import Gallery", "serving"),
        ("from nfs_keras.attic import Anything", "pipeline"),
    ],
)
def test_a_breach_would_be_seen(line, home, tmp_path):
    file = tmp_path / "file.py"
    file.write_text(line)
    assert breaches(file, home)
