import re
from pathlib import Path

import cv2
import numpy as np

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "synthetic_data.md").read_text()
SHEET = DOCS / "images" / "synthetic_sheet.jpg"


def test_the_sheet_is_the_result_of_its_code(tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (code,) = (block for block in blocks if SHEET.name in block)
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    made, kept = (
        cv2.imread(str(file)).astype(float) for file in (SHEET.name, SHEET)
    )
    assert np.abs(made - kept).mean() < 1


def test_the_sheet_is_small():
    assert SHEET.stat().st_size < 200_000
