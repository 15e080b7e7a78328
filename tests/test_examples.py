"""Every example and every verb runs to its end, as a user starts it.

The lists are read from the folder and from the command line, so that a new
one cannot be forgotten.
"""

import re
import shlex

import pytest
from programs import EXAMPLES, run_example, run_verb

from nfs_keras.cli.main import VERBS

# What an example must have printed; without an entry it must not exist.
PRINTED = {
    "evaluate.py": r"infrared to visible, 95 % over people:",
    "own_images.py": r"fewer operations\.(.|\n)*Open runs/own_images",
    "quickstart.py": r"operations [\d,]+ before, [\d,]+ after",
    "search_your_model.py": r"operations [\d,]+ before, [\d,]+ after",
    "serve.py": r"found at first glance: \d+%",
    "train_regdb.py": r"fewer operations\.(.|\n)*Open runs/regdb/report\.html",
    "train_sysu_mm01.py": r"all-search|fewer operations",
}
# The whole path of the command line, at its defaults but for the sizes.
PATH = """
synthesize --num_identities=24 data/people
check data/people
train --smoke --data=data/people --output=runs/first
search --smoke --data=data/people --output=runs/second
retrain --smoke --data=data/people --output=runs/third \
--architecture=runs/first/architecture.json
evaluate --model=runs/first/model.keras data/people
export --model=runs/first/model.keras models/person
embed --model=models/person/1 --output=embeddings data/people
index --gallery=people.db embeddings/visible
query --gallery=people.db --model=models/person/1 --modality=infrared \
data/people/Thermal/{image}
summary runs/first
report runs/first
import-weights --backbone=tiny --height=64 --width=32 --num_identities=10 \
runs/first/baseline.keras models/imported.keras
"""
COMMANDS = PATH.replace("\\\n", "").strip().splitlines()


def test_no_example_and_no_verb_is_forgotten():
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(PRINTED)
    assert [line.split()[0] for line in COMMANDS] == [*VERBS_IN_ORDER]


VERBS_IN_ORDER = [
    *("synthesize", "check", "train", "search", "retrain", "evaluate"),
    *("export", "embed", "index", "query", "summary", "report"),
    "import-weights",
]


def test_the_path_has_every_verb():
    assert set(VERBS_IN_ORDER) == set(VERBS)


@pytest.mark.parametrize("name", PRINTED)
def test_an_example_runs_to_its_end(name, tmp_path):
    text = (EXAMPLES / name).read_text("utf-8")
    flags = ["--smoke"] if '"smoke"' in text else []
    ended = run_example(name, *flags, cwd=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(PRINTED[name], ended.stdout), ended.stdout


def test_every_verb_runs_to_its_end(tmp_path):
    for line in COMMANDS:
        words = shlex.split(line)
        if "{image}" in line:
            folder = tmp_path / "data" / "people" / "Thermal"
            image = sorted(folder.rglob("*.bmp"))[0].relative_to(folder)
            words[-1] = words[-1].replace("{image}", str(image))
        if words[0] == "import-weights":
            words.append("--skip_classifier")
        ended = run_verb(*words, cwd=tmp_path)
        assert ended.returncode == 0, (line, ended.stdout, ended.stderr)


def test_help_answers_without_tensorflow():
    ended = run_verb("--help")
    assert ended.returncode == 0
    assert all(f"  {verb} " in ended.stdout for verb in VERBS)
    assert ended.stderr == ""
