"""What a run trains, and how: a few numbers, and methods that make objects.

`Demo` is a tiny network that learns in minutes on two CPU cores, `Paper` the
field's recipe for a GPU. For a recipe of your own subclass one of them and
override what differs: each method makes an optimizer, a loss, a schedule.
"""

import math
from dataclasses import dataclass, replace

import keras
from keras import ops

from nfs_keras.callbacks import SearchPhases
from nfs_keras.datasets import Augmentation
from nfs_keras.losses import BatchHardTriplet, WeightedRegularizedTriplet
from nfs_keras.modalities import MODALITIES
from nfs_keras.models import Objective, reid_network
from nfs_keras.schedules import constant

PRETRAINED = {  # the backbones to choose from, and their default weights
    "tiny": "synthetic",
    "resnet18": None,
    "resnet50": "imagenet",
    "agw": "imagenet",
}
# What a step of the gates costs beside a plain step of a batch as large.
ARCHITECTURE_STEP = 0.8


@dataclass(frozen=True)
class Demo:
    """A tiny network on small images. Our choice.

    Attributes:
        backbone: Backbone of `reid_network`.
        weights: Initial weights, as for `reid_network`.
        image_shape: `(height, width, 3)`.
        batch: People in a batch, and images of each per modality.
        proxy_batch: The same of the batch that the gates descend. Half as
            many images make a search cheap, and the more people, the more
            each must be distinguished from.
        epochs: Epochs of the run, search included.
        start: Share of the epochs after which the search starts.
        freeze: Share of the epochs after which the gates are frozen.
        folds: In how many parts the identities take turns as proxy.
        budget: Share of the operations to keep, or `None` to search without
            a budget.
        mode: How gates and weights take turns, as for `SearchModel.compile`.
        initial_logit: The gates' first logit. The larger, the fewer features
            does noise close: more than 1.5 for weights that know images.
        max_steps: Steps of an epoch at most, for a trial, or `None`.
    """

    backbone: object = "tiny"
    weights: str | None = "synthetic"
    image_shape: tuple = (64, 32, 3)
    batch: tuple = (8, 4)
    proxy_batch: tuple = (16, 1)
    epochs: int = 21
    start: float = 0.125
    freeze: float = 0.5
    folds: int = 5
    budget: float | None = 0.6
    mode: str = "first_order"
    initial_logit: float = 1.5
    max_steps: int | None = None

    def network(self, num_identities, search=None, seed=0):
        """Makes the network that every training starts from.

        Args:
            num_identities: Positive integer.
            search: `"dual"`, `"channel"`, `"spatial"` or `None`. The weights
                are the same with any of them.
            seed: Non-negative integer.
        """
        given = (self.backbone, self.image_shape, num_identities)
        weights = {"weights": self.weights, "skip_classifier": True}
        keras.utils.set_random_seed(seed)
        start = reid_network(*given, search=None, **weights)
        if search is None:
            return start
        network = reid_network(
            *given,
            search=search,
            # The ImageNet weights need another ResNet-50: see `reid_network`.
            **(weights if self.weights == "imagenet" else {}),
            inner=search != "spatial" and isinstance(self.backbone, str),
            seed=seed,
            initial_logit=self.initial_logit,
        )
        network.copy_features(start)
        return network

    def steps_per_epoch(self, samples):
        """Int. Batches that show as many images as the larger modality has."""
        images = max(sum(s.modality == m for s in samples) for m in MODALITIES)
        steps = math.ceil(images / math.prod(self.batch))
        return min(steps, self.max_steps or steps)

    def baseline_epochs(self):
        """Int. Epochs of plain training that cost what the run costs."""
        first, last = self.search_epochs()
        share = math.prod(self.proxy_batch) / math.prod(self.batch)
        more = ARCHITECTURE_STEP * share * (last - first)
        return math.ceil(self.epochs + more)

    def search_epochs(self):
        """The first epoch of the search, and the first after it."""
        return tuple(
            math.ceil(share * self.epochs)
            for share in (self.start, self.freeze)
        )

    def phases(self, on_freeze):
        """The callback that starts the search and freezes its gates.

        Args:
            on_freeze: Function to call with the `Architecture`.
        """
        return SearchPhases(self.start, self.freeze, on_freeze)

    def optimizer(self, network, num_steps):
        """The weights' optimizer, its rate warmed up, then lowered.

        Args:
            network: A `ReIDNetwork`.
            num_steps: Steps of the whole training.
        """
        return sgd(WarmCosine(0.03, num_steps))

    def arch_optimizer(self):
        """The logits' optimizer."""
        return keras.optimizers.Adam(0.1, beta_1=0.5)

    def loss(self):
        """What the weights descend."""
        return Objective(contrast=1.0, triplet_loss=self.triplet())

    def arch_loss(self):
        """What the gates descend: without the loss of known identities."""
        return Objective(
            identity=0.0, contrast=1.0, triplet_loss=self.triplet()
        )

    def triplet(self):
        """The triplet loss of both."""
        return BatchHardTriplet()

    def temperature(self):
        """The schedule of the gates' temperature."""
        return constant(0.5)

    def augmentation(self):
        """What is changed at random in a training image."""
        return Augmentation(padding=4, channel_exchange=0.5)

    def with_backbone(self, backbone):
        """The same with another backbone, and the default weights for it.

        Args:
            backbone: Name of a backbone of `reid_network`.
        """
        if backbone not in PRETRAINED:
            raise ValueError(
                f"`backbone` must be one of {sorted(PRETRAINED)}. "
                f"Received: backbone={backbone!r}. "
                "For another one make a `Demo` or `Paper` with a `Backbone`."
            )
        return replace(self, backbone=backbone, weights=PRETRAINED[backbone])

    def smoke(self):
        """The same in a minute: every stage runs, nothing is learned."""
        return replace(
            self,
            image_shape=(32, 16, 3),
            batch=(2, 2),
            proxy_batch=(2, 2),
            epochs=3,
            start=0.3,
            max_steps=6,
        )


@dataclass(frozen=True)
class Paper(Demo):
    """ResNet-50 at 288 x 144, after AGW: hours on a GPU.

    Batch, losses, rates and crop are those of AGW (Ye et al., TPAMI 2021),
    channel exchange and erasing those of CAJ (Ye et al., ICCV 2021).
    Otherwise our choice: weight decay is Keras' own, apart from momentum; the
    search runs within AGW's epochs; an epoch meets everyone once before
    anyone twice; CMCO joins the losses.
    """

    backbone: object = "resnet50"
    weights: str | None = "imagenet"
    image_shape: tuple = (288, 144, 3)
    epochs: int = 81

    def optimizer(self, network, num_steps):
        rest = sgd(agw_steps(0.01, num_steps))
        head = sgd(agw_steps(0.1, num_steps))
        return keras.optimizers.MultiOptimizer(
            FasterHead(rest, head, network.head_variables)
        )

    def triplet(self):
        return WeightedRegularizedTriplet()

    def augmentation(self):
        return Augmentation(
            padding=10, random_erasing=0.5, channel_exchange=0.5
        )


class FasterHead(keras.optimizers.OptimizerMap):
    """Trains the variables of the head with an optimizer of their own.

    Args:
        rest: Optimizer of all other variables.
        head: Optimizer of the head.
        variables: List of the head's variables, found by their `id`.
    """

    def __init__(self, rest, head, variables):
        super().__init__(rest, {"head": head})
        self.owned = {id(variable) for variable in variables}

    def __call__(self, variable):
        return self["head"] if id(variable) in self.owned else self[""]


def sgd(rate):
    """Stochastic gradient descent with the field's momentum and decay."""
    return keras.optimizers.SGD(
        rate, momentum=0.9, nesterov=True, weight_decay=5e-4
    )


@keras.saving.register_keras_serializable(package="nfs_keras")
class WarmCosine(keras.optimizers.schedules.LearningRateSchedule):
    """An eighth of the time linearly up from a tenth, then a half cosine.

    The cosine is as long as the whole training, so that an eighth of it is
    left at the end: the last epochs still learn a little. The values are those
    of Keras' `CosineDecay`, which chooses by a conditional; weight decay
    repeats that for each variable, and so doubles the time of the first step.

    Args:
        rate: The highest rate.
        num_steps: Steps of the whole training.
    """

    def __init__(self, rate, num_steps):
        self.rate = rate
        self.num_steps = num_steps

    def __call__(self, step):
        warm = self.num_steps // 8
        step = ops.cast(step, "float32")
        rising = 0.1 + 0.9 * step / max(warm, 1)
        share = ops.minimum((step - warm) / self.num_steps, 1.0)
        falling = 0.5 + 0.5 * ops.cos(math.pi * share)
        return self.rate * ops.where(step < warm, rising, falling)

    def get_config(self):
        return {"rate": self.rate, "num_steps": self.num_steps}


def agw_steps(rate, num_steps):
    """AGW's: up over 10 of 81 epochs; a tenth from 20 on, 1 % from 50."""
    ends = [*range(1, 10), 20, 50]
    factors = [*(k / 10 for k in range(1, 11)), 0.1, 0.01]
    return keras.optimizers.schedules.PiecewiseConstantDecay(
        # A step is counted before it is taken: the last of an epoch is -1.
        [max(round(end * num_steps / 81) - 1, 0) for end in ends],
        [factor * rate for factor in factors],
    )


PRESETS = {"demo": Demo, "paper": Paper}
