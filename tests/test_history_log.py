import csv

from nfs_keras.callbacks import HistoryLog


def rows(file):
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def write(file, stage, epoch, logs):
    log = HistoryLog(file, stage)
    log.on_epoch_begin(epoch)
    log.on_epoch_end(epoch, logs)


def test_stages_share_a_table_and_its_columns(tmp_path):
    file = tmp_path / "history.csv"
    write(file, "baseline", 0, {"loss": 2.0})
    write(file, "search", 0, {"loss": 1, "arch_loss": 0.5})
    found = rows(file)
    for row in found:
        spent = [float(row.pop(k)) for k in ("seconds", "cpu_seconds")]
        assert min(spent) >= 0
    assert found == [
        {"stage": "baseline", "epoch": "0", "loss": "2", "arch_loss": ""},
        {"stage": "search", "epoch": "0", "loss": "1", "arch_loss": "0.5"},
    ]


def test_a_resumed_epoch_replaces_its_own_stages_rows(tmp_path):
    file = tmp_path / "history.csv"
    for stage in ("baseline", "search"):
        for epoch in range(3):
            write(file, stage, epoch, {"loss": epoch})
    write(file, "search", 1, {"loss": 9})
    found = [(r["stage"], r["epoch"], r["loss"]) for r in rows(file)]
    baseline = [("baseline", str(k), str(k)) for k in range(3)]
    assert found == [*baseline, ("search", "0", "0"), ("search", "1", "9")]
