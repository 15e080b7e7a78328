import csv

from nfs_keras.callbacks import HistoryLog


def rows(file):
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_stages_share_a_table_and_its_columns(tmp_path):
    file = tmp_path / "history.csv"
    HistoryLog(file, "baseline").on_epoch_end(0, {"loss": 2.0})
    HistoryLog(file, "search").on_epoch_end(0, {"loss": 1, "arch_loss": 0.5})
    assert rows(file) == [
        {"stage": "baseline", "epoch": "0", "loss": "2", "arch_loss": ""},
        {"stage": "search", "epoch": "0", "loss": "1", "arch_loss": "0.5"},
    ]


def test_a_resumed_epoch_replaces_its_own_stages_rows(tmp_path):
    file = tmp_path / "history.csv"
    for stage in ("baseline", "search"):
        for epoch in range(3):
            HistoryLog(file, stage).on_epoch_end(epoch, {"loss": epoch})
    HistoryLog(file, "search").on_epoch_end(1, {"loss": 9})
    found = [(r["stage"], r["epoch"], r["loss"]) for r in rows(file)]
    baseline = [("baseline", str(k), str(k)) for k in range(3)]
    assert found == [*baseline, ("search", "0", "0"), ("search", "1", "9")]
