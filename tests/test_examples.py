"""Every example and every verb runs to its end, as a user starts it.

The lists are read from the folder and from the command line, so that a new
one cannot be forgotten. They train a small network: see `small_smoke.py`.
"""

import json
import pathlib
import re
import shlex
import shutil

import keras
import numpy as np
import pytest
from programs import EXAMPLES, SMALL, run, run_anew, run_verb

import nfs_keras
from nfs_keras.cli.main import VERBS
from nfs_keras.models import Architecture, named_gates

PACKAGE = pathlib.Path(nfs_keras.__file__).parent
# What an example must have printed; without an entry it must not exist.
PRINTED = {
    "evaluate.py": r"infrared to visible, 95 % over people:",
    "own_images.py": r"fewer operations\.(.|\n)*Open runs/own_images",
    "quickstart.py": r"operations [\d,]+ before, [\d,]+ after",
    "search_your_model.py": r"operations [\d,]+ before, [\d,]+ after",
    "serve.py": r"version \[1\](.|\n)*broken files: \[4\](.|\n)*glance: \d+%",
    "train_regdb.py": r"fewer operations\.(.|\n)*Open runs/regdb/report\.html",
    "train_sysu_mm01.py": r"all-search|fewer operations",
}
# What an example without `--smoke` trains is its own; it trains it briefly.
BRIEFLY = """
import runpy, sys, warnings, keras, tensorflow as tf
fit = keras.Model.fit
keras.Model.fit = lambda self, x, y, size, epochs, **options: fit(
    self, x[:128], y[:128], size, 1, **options
)
tf.config.run_functions_eagerly(True)
warnings.filterwarnings("ignore", "Even though the", UserWarning)
runpy.run_path(sys.argv[1], run_name="__main__")
"""
# The whole path of the command line, from a run that is done, and what each
# verb must have printed: `train` and `search` find the run finished.
# `test_own_images_page.py` trains, and `test_resume.py` searches.
PATH = r"""
synthesize --num_identities=24 data/new -> Written: data/new
synthesize --num_identities=8 --kind=sysu_mm01 data/sysu -> Written: data/sysu
synthesize --num_identities=8 --kind=llcm data/llcm -> Written: data/llcm
check data/people -> Training may start\.
train --smoke --data=data/people --output=runs/first \
    -> (?s)done before: Writing the report.*40% fewer operations\.
search --smoke --data=data/people --output=runs/first \
    -> Written: runs/first/architecture\.json
retrain --smoke --data=data/people --output=runs/second \
    --architecture=runs/first/architecture.json \
    -> (?s)retrain 3/3.*==> Writing the report.*compacted
evaluate --model=runs/second/model.keras data/people \
    -> visible to infrared +\d+\.\d\d
export --model=runs/second/model.keras models/person \
    -> Written: models/person/1
embed --model=models/person/1 --output=embeddings data/people \
    -> (?s)visible: 96 embedded.*infrared: 96 embedded
index --gallery=people.db embeddings/visible -> 96 new, 0 replaced
query --gallery=people.db --model=models/person/1 --modality=infrared {image} \
    -> 1 +-?0\.\d{{4}} +\d  Visible/\d+/
summary runs/second -> (?s)retrain: .*threshold visible to infrared
report runs/first runs/second --output=runs/both.html \
    -> Written: runs/both\.html
import-weights --backbone=tiny --height=64 --width=32 --skip_classifier \
    {package}/reid/tiny.npz models/imported.keras \
    -> Written: models/imported\.keras
"""
COMMANDS = [
    line.split(" -> ")
    for line in re.sub(r"\\\n\s*", "", PATH).strip().splitlines()
]


def test_no_example_and_no_verb_is_forgotten():
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(PRINTED)
    assert {line.split()[0] for line, _ in COMMANDS} == set(VERBS)


# The example of RegDB is everybody's fixture; the test below looks at it.
@pytest.mark.parametrize("name", sorted({*PRINTED} - {"train_regdb.py"}))
def test_an_example_runs_to_its_end(name, tmp_path):
    text = (EXAMPLES / name).read_text("utf-8")
    flags = ["--smoke"] if '"smoke"' in text else []
    smaller = [SMALL, "eager"] if ".smoke()" in text else []
    if name == "quickstart.py":
        smaller = ["-c", BRIEFLY]
    ended = run([*smaller, EXAMPLES / name, *flags], tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(PRINTED[name], ended.stdout), ended.stdout
    if name == "train_sysu_mm01.py":
        metrics = (tmp_path / "runs/sysu_mm01/metrics.json").read_text("utf-8")
        searched = json.loads(metrics)["rows"][-1]["rows"].values()
        assert len({row["title"] for row in searched}) == 4


def test_the_example_of_regdb_runs_to_its_end(smoke_run):
    printed = (smoke_run.parents[1] / "printed.txt").read_text("utf-8")
    assert re.search(PRINTED["train_regdb.py"], printed), printed


def test_every_verb_runs_to_its_end(smoke_data, smoke_run, tmp_path):
    shutil.copytree(smoke_run, tmp_path / "runs" / "first")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "people").symlink_to(smoke_data)
    image = next((smoke_data / "Thermal").rglob("*.bmp"))
    for line, printed in COMMANDS:
        words = shlex.split(line.format(image=image, package=PACKAGE))
        ended = run_verb(*words, cwd=tmp_path)
        assert ended.returncode == 0, (line, ended.stdout, ended.stderr)
        assert re.search(printed.format(), ended.stdout), (line, ended.stdout)
        if words[0] in ("train", "search"):
            assert "==>" not in ended.stdout
    chosen = tmp_path / "runs" / "first" / "architecture.json"
    twin = keras.models.load_model(tmp_path / "runs/second/searched.keras")
    masks = Architecture.load(chosen).masks
    for name, gate in named_gates(twin).items():
        np.testing.assert_array_equal(gate.mask, masks[name])


def test_help_answers_without_tensorflow():
    ended = run_anew(["-m", "nfs_keras", "--help"])
    assert ended.returncode == 0
    assert all(f"  {verb} " in ended.stdout for verb in VERBS)
    assert ended.stderr == ""
