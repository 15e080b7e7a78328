import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parents[1] / "examples" / "serve.py"


def test_the_example_asks_the_stand_in(tmp_path):
    answer = subprocess.run(
        [sys.executable, PROGRAM, "--smoke"],
        check=True,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert "version [1]" in answer.stdout
    assert "broken files: [4]" in answer.stdout
