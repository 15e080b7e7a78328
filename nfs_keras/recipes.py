"""The recipes of the main job: how large, how long, how fast to learn."""

from dataclasses import dataclass, replace

import keras

from nfs_keras.datasets import Augmentation
from nfs_keras.losses import BatchHardTriplet, WeightedRegularizedTriplet
from nfs_keras.models import Objective

STARTS = {  # the backbones to choose from, and the weights there are for them
    "tiny": "synthetic",
    "resnet18": None,
    "resnet50": "imagenet",
    "agw": "imagenet",
}
TRIPLETS = {"hard": BatchHardTriplet, "weighted": WeightedRegularizedTriplet}


@dataclass(frozen=True)
class Recipe:
    """What a run trains, and how.

    Attributes:
        backbone: Name of a backbone of `reid_network`.
        image_shape: `(height, width, 3)`.
        weights: `"imagenet"`, `"synthetic"`, a weights file, or `None` to
            start at random.
        batch: People in a batch, and pictures of each per modality.
        proxy_batch: The same of the batch that the gates descend: the more
            people, the more each has to be told from.
        epochs: Epochs of the baseline, and of retraining.
        warm_up_epochs: Epochs of the search that train weights only.
        search_epochs: Epochs of the search that follow.
        steps: Steps in an epoch.
        learning_rate: Highest rate of the weights.
        search_rate: The part of it that the weights keep while the gates are
            searched: they choose among settled features.
        head_rate: How many times faster the embedding head learns.
        schedule: `"cosine"`, or `"steps"`: AGW's.
        triplet: `"hard"` or `"weighted"`: which triplet loss.
        arch_learning_rate: Rate of the logits (Adam).
        inner: Whether a search of channels takes in those inside a block.
        initial_logit: Where the logits start.
        temperatures: First and last temperature of the search.
        budget: Open fraction to aim at in the search, or `None`.
        budget_weight: How strongly the search is pulled there.
        contrast: Weight of CMCO for the weights.
        split: `"identity"` or `"image"`: what divides train from proxy.
        augmentation: `Augmentation` of the training pictures.
        global_batch: Over several replicas, whether losses and batch norms
            see the batch of all, as on one device, or each its own part.
    """

    backbone: str = "tiny"
    image_shape: tuple = (64, 32, 3)
    weights: str | None = "synthetic"
    batch: tuple = (8, 4)
    proxy_batch: tuple = (16, 2)
    epochs: int = 8
    warm_up_epochs: int = 8
    search_epochs: int = 5
    steps: int = 65
    learning_rate: float = 0.03
    search_rate: float = 0.1
    head_rate: float = 1.0
    schedule: str = "cosine"
    triplet: str = "hard"
    arch_learning_rate: float = 0.1
    inner: bool = False
    initial_logit: float = 1.5
    temperatures: tuple = (0.5, 0.5)
    budget: float | None = None
    budget_weight: float = 3.0
    contrast: float = 1.0
    split: str = "identity"
    augmentation: Augmentation = Augmentation(padding=4, channel_exchange=0.5)
    global_batch: bool = True

    def optimizer(self, epochs, **last):
        """The weights' optimizer: SGD, its rate warmed up, then lowered."""

        def sgd(rate):
            return keras.optimizers.SGD(
                SCHEDULES[self.schedule](rate, epochs, self.steps, **last),
                momentum=0.9,
                nesterov=True,
                weight_decay=5e-4,
            )

        rest = sgd(self.learning_rate)
        if self.head_rate == 1.0:
            return rest
        head = sgd(self.head_rate * self.learning_rate)
        faster = keras.optimizers.OptimizerMap(rest, {r"(.*/)?head/.*": head})
        return keras.optimizers.MultiOptimizer(faster)

    def search_optimizer(self):
        """The weights' optimizer for the warm-up and the search after it."""
        return self.optimizer(self.warm_up_epochs, last=self.search_rate)

    def objective(self, contrast=None):
        """What the weights descend.

        Args:
            contrast: Weight of CMCO. Defaults to the recipe's.
        """
        return Objective(
            contrast=self.contrast if contrast is None else contrast,
            triplet_loss=TRIPLETS[self.triplet](),
        )

    def arch_optimizer(self):
        """The logits' optimizer."""
        return keras.optimizers.Adam(self.arch_learning_rate, beta_1=0.5)

    def arch_objective(self, contrast=1.0):
        """What the gates descend on the proxy batch.

        Args:
            contrast: Weight of CMCO.
        """
        known = float(self.split == "image")  # of the proxy's people
        return Objective(
            identity=known,
            contrast=contrast,
            triplet_loss=TRIPLETS[self.triplet](),
        )

    def with_backbone(self, backbone):
        """The same with another backbone, started from what there is for it.

        Args:
            backbone: Name of a backbone of `reid_network`.
        """
        weights = STARTS.get(backbone)
        return replace(self, backbone=backbone, weights=weights)

    def compressed(self):
        """The same in search of fewer operations, a third less on `demo`.

        Channels inside the blocks are searched too, and a budget is set: the
        network is less accurate than without, see `docs/results.md`.
        """
        return replace(self, inner=True, budget=0.6)

    def smoke(self):
        """The same in a minute: every stage runs, nothing is learned."""
        return replace(
            self,
            image_shape=(32, 16, 3),
            batch=(2, 2),
            proxy_batch=(2, 2),
            epochs=1,
            warm_up_epochs=1,
            search_epochs=1,
            steps=2,
        )


def cosine(rate, epochs, steps, last=0.0):
    """An eighth of the time linearly up from a tenth, then a half cosine.

    The cosine is as long as the whole training, so that an eighth of it is
    left at the end: the last epochs still learn a little.

    Args:
        rate: The highest rate.
        epochs: Int. Epochs to train.
        steps: Int. Steps in an epoch.
        last: Where the cosine ends and stays, as a fraction of the highest.
    """
    total = epochs * steps
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.1 * rate,
        decay_steps=total,
        alpha=last,
        warmup_target=rate,
        warmup_steps=total // 8,
    )


def agw_steps(rate, epochs, steps, last=0.01):
    """AGW's: up over 10 of 81 epochs; a tenth from 20 on, `last` from 50."""
    ends = [*range(1, 10), 20, 50]
    factors = [*(k / 10 for k in range(1, 11)), 0.1, last]
    return keras.optimizers.schedules.PiecewiseConstantDecay(
        # A step is counted before it is taken: the last of an epoch is -1.
        [max(round(end * epochs / 81 * steps) - 1, 0) for end in ends],
        [factor * rate for factor in factors],
    )


SCHEDULES = {"cosine": cosine, "steps": agw_steps}


def demo():
    """A tiny network on small pictures: minutes on two CPU cores."""
    return Recipe()


def paper():
    """ResNet-50 at 288 x 144, after AGW: hours on a GPU.

    Batch, losses, rates, epochs and crop are those of AGW (Ye et al., TPAMI
    2021), channel exchange and erasing those of CAJ (Ye et al., ICCV 2021).
    Otherwise our choice: weight decay is Keras' own, apart from momentum; the
    search is warmed up by AGW's schedule in 40 epochs; an epoch meets everyone
    once before anyone twice; CMCO joins the losses of search and retraining.
    `steps` are RegDB's; on another dataset take its pictures per modality over
    32.
    """
    return Recipe(
        backbone="resnet50",
        image_shape=(288, 144, 3),
        weights="imagenet",
        epochs=81,
        warm_up_epochs=40,
        search_epochs=20,
        steps=65,
        learning_rate=0.01,
        head_rate=10.0,
        schedule="steps",
        triplet="weighted",
        augmentation=Augmentation(
            padding=10, random_erasing=0.5, channel_exchange=0.5
        ),
    )


PRESETS = {"demo": demo, "paper": paper}
