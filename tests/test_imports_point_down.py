"""Reads every import and sees that the house stands on its ground.

A file imports from floors below its own or from its own room, never from a
room beside it and never from above.
"""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "nfs_keras"
FILES = sorted(PACKAGE.rglob("*.py"))

FLOORS = {
    "files": 0,
    "modalities": 0,
    "ops": 0,
    "optional": 0,
    "schedules": 0,
    "text_tables": 0,
    "layers": 1,
    "losses": 1,
    "evaluation": 1,
    "synthetic": 1,
    "datasets": 2,
    "backbones": 2,
    "callbacks": 2,
    "models": 3,
    "serving": 4,
    "report": 4,
    "scale": 4,
    "recipes": 5,
    "pipeline": 6,
    "cli": 7,
    "__init__": 8,  # the door
}

# Everything else is Keras alone, and so runs on JAX and PyTorch too.
ROOMS_WITH_TENSORFLOW = {"datasets", "models", "serving", "scale", "pipeline"}

# One file asks for TensorFlow when that is the backend, and for Keras else.
ONE_EXCEPTION = PACKAGE / "backbones" / "fused_batch_norm.py"


def room_of(path):
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


def breaches(path, room):
    """Lists the imports of a file that do not point down."""
    wrong = []
    for name in imports_of(path):
        package, _, rest = name.partition(".")
        if package != "nfs_keras" or rest == "__version__":
            continue
        target = rest.split(".")[0]
        if target == room:
            continue
        if FLOORS.get(target, len(FLOORS)) >= FLOORS[room]:
            wrong.append(f"{path.name}: {name}")
    return wrong


def test_every_room_has_its_floor():
    assert {room_of(path) for path in FILES} == set(FLOORS)


def test_imports_point_down():
    assert [b for path in FILES for b in breaches(path, room_of(path))] == []


def test_imports_are_absolute_and_public():
    for path in FILES:
        for name in imports_of(path):
            assert not name.startswith("."), f"{path}: {name} is relative"
            for private in ("keras.src", "tensorflow.python"):
                assert not f"{name}.".startswith(f"{private}."), path


# Imports it in a function that other backends do not call.
FASTER_WITH_TENSORFLOW = "fused_batch_norm.py"


def test_tensorflow_stays_in_its_rooms():
    rooms = {
        room_of(path)
        for path in FILES
        if path != ONE_EXCEPTION
        for name in imports_of(path)
        if name.split(".")[0] == "tensorflow"
        and path.name != FASTER_WITH_TENSORFLOW
    }
    assert rooms <= ROOMS_WITH_TENSORFLOW


@pytest.mark.parametrize(
    "line, room",
    [
        ("from nfs_keras.losses import BatchHardTriplet", "layers"),
        ("from nfs_keras.models import compact", "callbacks"),
        ("from nfs_keras import pipeline", "report"),
        ("import nfs_keras", "layers"),
        ("import nfs_keras.layers.search_gate", "ops"),
        ("def f():\n    from nfs_keras.scale import Gallery", "serving"),
        ("from nfs_keras.attic import Anything", "pipeline"),
    ],
)
def test_a_breach_would_be_seen(line, room, tmp_path):
    file = tmp_path / "file.py"
    file.write_text(line)
    assert breaches(file, room)
