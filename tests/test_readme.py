"""The example of the README runs as it stands there."""

import re
from pathlib import Path

import keras

README = Path(__file__).parent.parent / "README.md"


def example():
    text = README.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return code


def test_the_example_halves_the_operations_and_prints_it(capsys):
    names = {}
    keras.utils.set_random_seed(0)
    exec(compile(example(), "README.md", "exec"), names)
    line = capsys.readouterr().out.splitlines()[-1]
    before, after = re.findall(r"[\d,]{5,}", line)
    share = int(after.replace(",", "")) / int(before.replace(",", ""))
    assert share < 0.5
    accuracy = names["smaller"].predict(names["images"], verbose=0).argmax(-1)
    assert (accuracy == names["labels"]).mean() > 0.95


def test_the_example_is_short():
    assert len(example().strip().splitlines()) <= 20


def test_the_page_is_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 100
