import pytest

from nfs_keras.callbacks import ProgressLines
from nfs_keras.callbacks.progress_lines import duration


@pytest.mark.parametrize(
    "seconds, text",
    [(0, "0:00"), (95.4, "1:35"), (3599.6, "1:00:00"), (5000, "1:23:20")],
)
def test_a_duration_reads_like_a_clock(seconds, text):
    assert duration(seconds) == text


def test_a_line_has_the_losses_and_the_time_left(monkeypatch):
    clock = iter([0.0, 10.0, 20.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    lines = []
    progress = ProgressLines(lines.append, "search", epochs_after=3)
    progress.set_params({"epochs": 4})
    for epoch in (1, 2):  # resumed after the first
        progress.on_epoch_begin(epoch)
        progress.on_epoch_end(epoch, {"loss": 1.5, "arch_loss": 0.25, "x": 1})
    assert lines == [
        "    search 2/4: loss 1.500, arch loss 0.250; about 0:50 left",
        "    search 3/4: loss 1.500, arch loss 0.250; about 0:40 left",
    ]
