"""The example of the README runs as it stands there."""

import re
from pathlib import Path

import keras
import pytest
from sklearn import datasets

README = Path(__file__).parent.parent / "README.md"


def example():
    text = README.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return code


@pytest.fixture
def fewer_digits(monkeypatch):
    """A quarter of the example's images, whatever else it may do."""
    digits = [x[:450] for x in datasets.load_digits(return_X_y=True)]
    monkeypatch.setattr(datasets, "load_digits", lambda return_X_y: digits)


@pytest.mark.usefixtures("fewer_digits")
def test_the_example_halves_the_operations_and_prints_it(capsys):
    names = {}
    keras.utils.set_random_seed(0)
    exec(compile(example(), "README.md", "exec"), names)
    lines = capsys.readouterr().out.splitlines()[-2:]
    pattern = r"accuracy (0\.\d+|1\.000), operations ([\d,]+)"
    found = [re.match(pattern, line).groups() for line in lines]
    (_, before), (accuracy, after) = found
    assert int(after.replace(",", "")) < 0.5 * int(before.replace(",", ""))
    best = names["smaller"].predict(names["images"], verbose=0).argmax(-1)
    share = (best == names["labels"]).mean()
    assert share > 0.95
    assert accuracy == f"{share:.3f}"


def test_the_example_is_short():
    assert len(example().strip().splitlines()) <= 22


def test_the_page_is_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 100
