"""Warns when a training is worse than chance."""

import math

import keras


class ChanceWarning(keras.callbacks.Callback):
    """Warns, once, if a network classifies no better than by chance.

    A network that diverges trains to the end without an error. A guess of one
    of N identities has a cross-entropy of log(N) and is right in one of N
    cases: after the first epochs a training must do better. Backbones with
    pretrained weights diverge at learning rates that suit new ones.

    Args:
        print_line: Function of one line of text, such as `print`.
        num_identities: Int. Identities that the network classifies.
        after: Positive int. Epochs of this `fit` to wait for. Defaults to `1`.
        loss: Name of the cross-entropy in the logs. Defaults to `"identity"`.
        accuracy: Name of the accuracy in the logs. Defaults to `"accuracy"`.

    Example:

    >>> warning = ChanceWarning(print, num_identities=206)
    """

    def __init__(
        self,
        print_line,
        num_identities,
        after=1,
        loss="identity",
        accuracy="accuracy",
    ):
        super().__init__()
        self.print_line = print_line
        self.num_identities = num_identities
        self.after = after
        self.loss = loss
        self.accuracy = accuracy
        self._epochs = 0
        self._warned = False

    def on_train_begin(self, logs=None):
        self._epochs = 0

    def on_epoch_end(self, epoch, logs=None):
        self._epochs += 1
        finding = self._finding(logs or {})
        if finding and self._epochs >= self.after and not self._warned:
            self._warned = True
            self.print_line(
                f"After epoch {epoch + 1} the network is no better than "
                f"chance: {finding}. Lower the learning rate, for pretrained "
                "backbones to a tenth, and give their batch norms a momentum "
                "of 0.9 (`batch_norm_momentum` of `keras_backbone`)."
            )

    def _finding(self, logs):
        """Describes what is no better than chance; `None` if nothing is."""
        loss, accuracy = (logs.get(x) for x in (self.loss, self.accuracy))
        chance = math.log(self.num_identities)
        if loss is not None and not loss <= chance:  # NaN too
            return (
                f"its identity loss is {loss:.2f}, while guessing one of "
                f"{self.num_identities} has {chance:.2f}"
            )
        if accuracy is not None and not accuracy > 1 / self.num_identities:
            return (
                f"its accuracy is {accuracy:.1%}, while guessing one of "
                f"{self.num_identities} has {1 / self.num_identities:.1%}"
            )
        return None
