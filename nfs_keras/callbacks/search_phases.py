"""The callback that switches the three phases of a search."""

import keras


class SearchPhases(keras.callbacks.Callback):
    """Opens, searches and freezes the gates of a `SearchModel` in one `fit`.

    First the gates are open and only weights train, because gates learn
    nothing from untrained weights; then gates and weights train in turn; then
    the gates are derived and frozen, and the weights train with the hard
    masks. Progress is counted as in `TemperatureAnnealing`, so a resumed `fit`
    continues in the same phase, with the same masks.

    A search that has ended stays frozen: another `fit` fine-tunes its weights.
    To search anew, call `search` on each gate and `start` on the model first.

    Args:
        start: Float in [0, 1]. Share of the epochs before the search.
            Defaults to `0.125`.
        freeze: Float in [0, 1]. Share of the epochs before the gates are
            frozen; with `1.0` they never are. Defaults to `0.5`.
        on_freeze: Function that is called with the `Architecture`, or `None`.

    Raises:
        ValueError: If not 0 <= start <= freeze <= 1; in `fit`, if the model is
            no `SearchModel` or has too few epochs for the phases.

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

    def on_train_begin(self, logs=None):
        if not hasattr(self.model, "hold_open"):
            raise ValueError(
                "`SearchPhases` switches the phases of a `SearchModel`. "
                f"Received: model={self.model.name!r}, a "
                f"{type(self.model).__name__}. "
                "Pass the callback to `SearchModel(model).fit`."
            )
        epochs = self.params["epochs"]
        progress = [epoch / epochs for epoch in range(epochs)]
        searching = any(self.start <= x < self.freeze for x in progress)
        frozen = any(x >= self.freeze for x in progress)
        if (self.start < self.freeze and not searching) or (
            self.freeze < 1 and not frozen
        ):
            raise ValueError(
                "Each phase of a search needs an epoch. "
                f"Received: epochs={epochs}, with start={self.start} and "
                f"freeze={self.freeze}. "
                "Pass more epochs, or start=freeze or freeze=1.0 to leave out "
                "the search or the last phase."
            )

    def on_epoch_begin(self, epoch, logs=None):
        if self.model.phase_name == "frozen":
            return
        progress = epoch / self.params["epochs"]
        if progress < self.start:
            self.model.hold_open()
        elif progress < self.freeze:
            self.model.start()
        else:
            architecture = self.model.freeze()
            if self.on_freeze is not None:
                self.on_freeze(architecture)
