"""Lets a search train its weights first."""

import keras


class WarmUp(keras.callbacks.Callback):
    """Holds every gate open for the first epochs of a search.

    Gates that are judged by untrained weights learn nothing. Right also with
    `initial_epoch`: a resumed search knows where it stands. Give it before
    callbacks that read the logs: it takes the gates' losses, which nothing
    has measured yet, out of them.

    Args:
        epochs: Non-negative integer. Epochs that train only weights.
    """

    def __init__(self, epochs):
        super().__init__()
        if epochs < 0:
            raise ValueError(
                "A warm-up cannot last a negative number of epochs. "
                f"Received: epochs={epochs}. Pass 0 for none."
            )
        self.epochs = epochs

    def on_epoch_begin(self, epoch, logs=None):
        self.model.warm_up(epoch < self.epochs)

    def on_epoch_end(self, epoch, logs=None):
        if epoch < self.epochs:
            for name in [n for n in logs or {} if n.startswith("arch_")]:
                del logs[name]
