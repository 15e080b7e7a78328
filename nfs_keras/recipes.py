"""The recipes of the main job: how large, how long, how fast to learn."""

from dataclasses import dataclass, replace

import keras

from nfs_keras.datasets import Augmentation
from nfs_keras.models import Objective


@dataclass(frozen=True)
class Recipe:
    """What a run trains, and how.

    Attributes:
        backbone: Name of a backbone of `reid_network`.
        image_shape: `(height, width, 3)`.
        weights: `"imagenet"`, a weights file, or `None` to start at random.
        batch: People in a batch, and pictures of each per modality.
        epochs: Epochs of the baseline, and of retraining.
        warm_up_epochs: Epochs of the search that train weights only.
        search_epochs: Epochs of the search that follow.
        steps: Steps in an epoch.
        learning_rate: Highest rate of the weights.
        arch_learning_rate: Rate of the logits (Adam).
        initial_logit: Where the logits start.
        temperatures: First and last temperature of the search.
        budget: Open fraction to aim at in the search, or `None`.
        contrast: Weight of CMCO for the weights.
        split: `"identity"` or `"image"`: what divides train from proxy.
        augmentation: `Augmentation` of the training pictures.
    """

    backbone: str = "tiny"
    image_shape: tuple = (64, 32, 3)
    weights: str | None = None
    batch: tuple = (8, 4)
    epochs: int = 16
    warm_up_epochs: int = 4
    search_epochs: int = 8
    steps: int = 65
    learning_rate: float = 0.1
    arch_learning_rate: float = 0.1
    initial_logit: float = 1.5
    temperatures: tuple = (0.5, 0.5)
    budget: float | None = 0.6
    contrast: float = 1.0
    split: str = "identity"
    augmentation: Augmentation = Augmentation(padding=4, channel_exchange=0.5)

    def optimizer(self, epochs):
        """The weights' optimizer: SGD, warmed up, then cooled by a cosine."""
        steps = epochs * self.steps
        schedule = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.1 * self.learning_rate,
            decay_steps=steps,
            warmup_target=self.learning_rate,
            warmup_steps=steps // 8,
        )
        return keras.optimizers.SGD(
            schedule, momentum=0.9, nesterov=True, weight_decay=5e-4
        )

    def arch_optimizer(self):
        """The logits' optimizer."""
        return keras.optimizers.Adam(self.arch_learning_rate, beta_1=0.5)

    def arch_objective(self):
        """What the gates descend on the proxy batch (DESIGN: CMCO first)."""
        known = float(self.split == "image")  # of the proxy's people
        return Objective(identity=known, triplet=1.0, contrast=1.0)

    def smoke(self):
        """The same in a minute: every stage runs, nothing is learned."""
        return replace(
            self,
            batch=(2, 2),
            epochs=1,
            warm_up_epochs=1,
            search_epochs=1,
            steps=3,
        )


def demo():
    """A tiny network on small pictures: minutes on two CPU cores."""
    return Recipe()


def paper():
    """ResNet-50 at 288 x 144, after AGW: hours on a GPU."""
    return Recipe(
        backbone="resnet50",
        image_shape=(288, 144, 3),
        weights="imagenet",
        epochs=81,
        warm_up_epochs=20,
        search_epochs=40,
        learning_rate=0.1,
        augmentation=Augmentation(
            padding=10, random_erasing=0.5, channel_exchange=0.5
        ),
    )


PRESETS = {"demo": demo, "paper": paper}
