"""Prints the progress of training, one line per epoch."""

import time

import keras

SHOWN = ("loss", "accuracy", "arch_loss", "open_fraction")


class ProgressLines(keras.callbacks.Callback):
    """Prints after each epoch its losses and the time that is left.

    Args:
        print_line: Function of one line of text, such as `print`.
        stage: Name of the stage that is being trained.
        epochs_after: Int. Epochs of later stages of the same run; the time
            left includes them, at the pace of this stage.
    """

    def __init__(self, print_line, stage, epochs_after=0):
        super().__init__()
        self.print_line = print_line
        self.stage = stage
        self.epochs_after = epochs_after
        self.started = None

    def on_epoch_begin(self, epoch, logs=None):
        if self.started is None:
            self.started = epoch, time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        first, start = self.started
        done, num_epochs = epoch + 1, self.params["epochs"]
        pace = (time.monotonic() - start) / (done - first)
        values = [
            f"{name.replace('_', ' ')} {float(logs[name]):.3f}"
            for name in SHOWN
            if name in (logs or {})
        ]
        left = duration(pace * (num_epochs - done + self.epochs_after))
        self.print_line(
            f"    {self.stage} {done}/{num_epochs}: {', '.join(values)}; "
            f"about {left} left"
        )


def duration(seconds):
    """Formats seconds: 95 as `1:35`, and 5000 as `1:23:20`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{seconds:02d}"
    return f"{minutes}:{seconds:02d}"
