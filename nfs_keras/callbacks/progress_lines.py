"""Tells how training goes, a line per epoch."""

import time

import keras

SHOWN = ("loss", "accuracy", "arch_loss", "open_fraction")


class ProgressLines(keras.callbacks.Callback):
    """Says after each epoch what came out and how much time is left.

    Args:
        say: Function of one line of text, such as `print`.
        stage: Name of what is being trained.
    """

    def __init__(self, say, stage):
        super().__init__()
        self.say = say
        self.stage = stage
        self.started = None

    def on_epoch_begin(self, epoch, logs=None):
        if self.started is None:
            self.started = epoch, time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        first, start = self.started
        num_epochs = self.params["epochs"]
        pace = (time.monotonic() - start) / (epoch + 1 - first)
        left = round(pace * (num_epochs - epoch - 1))
        values = [
            f"{name.replace('_', ' ')} {float(logs[name]):.3f}"
            for name in SHOWN
            if name in (logs or {})
        ]
        self.say(
            f"    {self.stage} epoch {epoch + 1}/{num_epochs}: "
            f"{', '.join(values)}; {left // 60}:{left % 60:02d} left"
        )
