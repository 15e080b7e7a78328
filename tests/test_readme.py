"""The example of the README runs as it stands there."""

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def example():
    text = README.read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    return code


def test_the_example_trains_saves_and_predicts_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(compile(example(), "README.md", "exec"), names)
    assert (tmp_path / "searched.keras").exists()
    (search,) = (x for x in names["twin"].layers if "search" in x.name)
    assert 0.0999 < float(search.temperature) < 0.1001


def test_the_example_is_short():
    code = example().split("\n\n", 1)[1]
    assert len(code.strip().splitlines()) <= 12
