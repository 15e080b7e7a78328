"""Tells how training goes, a line per epoch."""

import time

import keras

SHOWN = ("loss", "accuracy", "arch_loss", "open_fraction")


class ProgressLines(keras.callbacks.Callback):
    """Says after each epoch what came out and how much time is left.

    Args:
        say: Function of one line of text, such as `print`.
        stage: Name of what is being trained.
        epochs_after: Int. Epochs that other trainings of the same job will
            still take; the time left counts them, at this one's pace.
    """

    def __init__(self, say, stage, epochs_after=0):
        super().__init__()
        self.say = say
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
        self.say(
            f"    {self.stage} {done}/{num_epochs}: {', '.join(values)}; "
            f"about {left} left"
        )


def duration(seconds):
    """Writes 95 as `1:35`, and 5000 as `1:23:20`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{seconds:02d}"
    return f"{minutes}:{seconds:02d}"
