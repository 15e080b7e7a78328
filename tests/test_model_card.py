import json

import pytest
from exported_model import exported_model

from nfs_keras.serving.model_card import write_model_card

FACTS = {
    "run": {
        "options": {"backbone": "tiny"},
        "command": ["nfs-reid", "search"],
        "started": "2026-01-01",
        "versions": {"keras": "3.15.1"},
        "dataset": {"name": "RegDB", "root": "/secret", "trial": 1},
    },
    "metrics": {
        "rows": [
            {
                "name": "searched",
                "visible_to_infrared": dict.fromkeys(
                    ("rank1", "rank5", "rank10", "rank20"), 12.345
                )
                | {"mean_ap": 10, "mean_inp": 9},
            }
        ]
    },
    "architecture": {
        "schema": 2,
        "gates": {
            "stage1_channel": [[1, 0, 1, 1], [1, 1, 1, 1]],
            "stage1_spatial": [[[1, 0], [0, 0]], [[1, 0], [0, 1]]],
        },
    },
}


@pytest.fixture
def model(tmp_path):
    """A link to a model; the card goes beside its `saved_model.pb`."""
    directory = tmp_path / "1"
    directory.mkdir()
    for path in exported_model().iterdir():
        if path.name != "model_card.md":
            (directory / path.name).symlink_to(path)
    return directory


def test_it_lists_what_the_run_recorded(model, tmp_path):
    for name, facts in FACTS.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(facts))
    card = write_model_card(model, "float32", tmp_path).read_text()
    for fact in (
        "`nfs-reid search`",
        "| name | RegDB |",
        "| searched | visible to infrared | 12.35 |",
        "Backbone: tiny.",
        "| stage1_channel | 75.0% | 100.0% |",
        "| stage1_spatial | 25.0% | 50.0% |",
    ):
        assert fact in card
    assert "/secret" not in card


def test_it_lists_what_was_not_recorded(model, tmp_path):
    for run in (None, tmp_path):
        card = write_model_card(model, run=run).read_text()
        assert card.count("Not recorded") == 3
        assert "test the model before use" in card


def test_it_lists_the_endpoints_that_the_model_declares(model):
    card = write_model_card(model).read_text()
    assert "| visible | `image_bytes` string (?) |" in card
    assert "| infrared_pixels | `image` uint8 (?, ?, ?, 3) |" in card
