"""The callback that switches the three phases of a search."""

import keras


class SearchPhases(keras.callbacks.Callback):
    """Opens, searches and freezes the gates of a `SearchModel` in one `fit`.

    First the gates are open and only weights train, because gates learn
    nothing from untrained weights; then gates and weights train in turn; then
    the gates are derived and frozen, and the weights train with the hard
    masks. Progress is counted as in `TemperatureAnnealing`, so a resumed `fit`
    continues in the same phase, with the same masks.

    Args:
        start: Float in [0, 1]. Share of the epochs before the search.
            Defaults to `0.125`.
        freeze: Float in [0, 1]. Share of the epochs before the gates are
            frozen; with `1.0` they never are. Defaults to `0.5`.
        on_freeze: Function that is called with the `Architecture`, or `None`.

    Raises:
        ValueError: If not 0 <= start <= freeze <= 1.

    Reference:
        Our choice; that gates and weights train in turn is the paper's.
    """

    def __init__(self, start=0.125, freeze=0.5, on_freeze=None):
        super().__init__()
        if not 0 <= start <= freeze <= 1:
            raise ValueError(
                "A search starts before it ends, within the training. "
                f"Received: start={start}, freeze={freeze}. "
                "Pass shares of the epochs, such as 0.125 and 0.5."
            )
        self.start = start
        self.freeze = freeze
        self.on_freeze = on_freeze

    def on_epoch_begin(self, epoch, logs=None):
        progress = epoch / self.params["epochs"]
        if progress < self.start:
            self.model.hold_open()
        elif progress < self.freeze:
            self.model.start()
        elif self.model.phase_name != "frozen":
            architecture = self.model.freeze()
            if self.on_freeze is not None:
                self.on_freeze(architecture)
