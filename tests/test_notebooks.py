"""Each notebook runs from top to bottom, and does what its example does."""

import ast
import json
import re

import pytest
from programs import EXAMPLES, run

# What a notebook must have printed; without an entry it must not exist.
SAID = {
    "search_your_model.ipynb": r"operations ([\d,]+) before, ([\d,]+) after",
}
MOST_CHARACTERS = 20_000  # of a file, its outputs included


def cells_of(name, kind="code"):
    """The cells of a notebook of one kind."""
    cells = json.loads((EXAMPLES / name).read_text("utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == kind]


def code_of(name):
    """The code of a notebook as one program."""
    sources = ("".join(cell["source"]) for cell in cells_of(name))
    return "\n\n".join(sources)


def calls_of(code):
    """The calls in a program, as they are written, with their arguments.

    Left out are what only the program prints and how long it trains.
    """
    calls = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call):
            kept = ("epochs", "steps_per_epoch", "verbose")
            node.keywords = [k for k in node.keywords if k.arg not in kept]
            calls.add(ast.unparse(node))
    return {call for call in calls if not call.startswith(("print", "flags"))}


def test_no_notebook_is_forgotten():
    assert {path.name for path in EXAMPLES.glob("*.ipynb")} == set(SAID)


@pytest.mark.parametrize("name", SAID)
def test_a_notebook_runs_from_top_to_bottom(name, tmp_path):
    program = tmp_path / "notebook.py"
    program.write_text(code_of(name), encoding="utf-8")
    ended = run([program], cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    before, after = re.search(SAID[name], ended.stdout).groups()
    assert int(after.replace(",", "")) < 0.5 * int(before.replace(",", ""))


@pytest.mark.parametrize("name", SAID)
def test_a_notebook_makes_the_calls_of_its_example(name):
    example = (EXAMPLES / name).with_suffix(".py").read_text("utf-8")
    ours, theirs = calls_of(code_of(name)), calls_of(example)
    assert theirs - ours == {"app.run(main)"}
    assert len(ours) > 20


@pytest.mark.parametrize("name", SAID)
def test_a_notebook_is_kept_as_it_was_run(name):
    cells = cells_of(name)
    counts = [cell["execution_count"] for cell in cells]
    assert counts == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert all(output["output_type"] == "stream" for output in outputs)
    assert {output["name"] for output in outputs} == {"stdout"}
    printed = "".join("".join(output["text"]) for output in outputs)
    assert re.search(SAID[name], printed)
    assert len((EXAMPLES / name).read_text("utf-8")) < MOST_CHARACTERS
