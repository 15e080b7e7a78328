"""Samples training batches of P people, K images each, in both modalities."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from nfs_keras.datasets.sample import Sample
from nfs_keras.modalities import MODALITIES


class IdentitySampler:
    """Samples batches with positives and negatives in both modalities.

    A batch has `num_identities` different people and, of each, as many
    visible as infrared images. Which ones depends on the seed and the step
    alone, so that a run can resume at any step.

    An epoch contains every person once before anyone a second time (its last
    batch is filled up with people from the epoch's beginning). Images of a
    person are sampled without replacement; only when there are fewer than
    `images_per_modality`, they repeat, as evenly as possible.

    Args:
        samples: Training samples. Batches are indices into this list.
        num_identities: Positive int P, people in a batch. Defaults to `8`.
        images_per_modality: Positive int K. Defaults to `4`.
        seed: Non-negative int. Defaults to `0`.
        replacement: Whether to sample each batch independently, and images
            with replacement, as AGW does (Ye et al., TPAMI 2021).
            An epoch is then one batch for every P x K images of the larger
            modality. Defaults to `False`.

    Attributes:
        num_batches_per_epoch: Number of steps in an epoch.

    Raises:
        ValueError: There are fewer people than `num_identities`, or a person
            has images in one modality only.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        num_identities: int = 8,
        images_per_modality: int = 4,
        seed: int = 0,
        replacement: bool = False,
    ) -> None:
        self.num_identities = num_identities
        self.images_per_modality = images_per_modality
        self.seed = seed
        self.replacement = replacement
        self._images = index_by_identity(samples)
        self._identities = np.array(sorted(self._images))
        check_batch_shape(num_identities, images_per_modality)
        check_identities(self._images, num_identities)
        self.num_batches_per_epoch = self._count_batches(samples)

    def batch(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        """Samples the batch of a step.

        Args:
            step: Non-negative int, counted from the beginning of training.

        Returns:
            Visible and infrared indices, two int32 arrays of shape
            `(num_identities * images_per_modality,)`. Both list the same
            people in the same order, each person's images side by side.
        """
        rng = np.random.default_rng((self.seed, 1, step))
        visible, infrared = [], []
        for identity in self._batch_identities(step, rng):
            images = self._images[identity]
            visible.append(self._draw(images["visible"], rng))
            infrared.append(self._draw(images["infrared"], rng))
        return np.concatenate(visible), np.concatenate(infrared)

    def _batch_identities(self, step, rng):
        if self.replacement:
            return rng.choice(
                self._identities, self.num_identities, replace=False
            )
        epoch, position = divmod(step, self.num_batches_per_epoch)
        order = np.random.default_rng((self.seed, 0, epoch)).permutation(
            self._identities
        )
        first = position * self.num_identities
        return np.take(
            order, range(first, first + self.num_identities), mode="wrap"
        )

    def _draw(self, images, rng):
        if self.replacement:
            return rng.choice(images, self.images_per_modality)
        return np.resize(rng.permutation(images), self.images_per_modality)

    def _count_batches(self, samples):
        if not self.replacement:
            return -(-len(self._identities) // self.num_identities)
        largest = max(
            sum(sample.modality == modality for sample in samples)
            for modality in MODALITIES
        )
        return -(-largest // (self.num_identities * self.images_per_modality))


def index_by_identity(
    samples: Sequence[Sample],
) -> dict[int, dict[str, np.ndarray]]:
    """Lists the indices of each identity's images of each modality."""
    images = defaultdict(lambda: {modality: [] for modality in MODALITIES})
    for index, sample in enumerate(samples):
        images[sample.identity][sample.modality].append(index)
    return {
        identity: {
            modality: np.array(indices, "int32")
            for modality, indices in by_modality.items()
        }
        for identity, by_modality in images.items()
    }


def check_batch_shape(num_identities, images_per_modality):
    """Raises `ValueError` for batches without people or images."""
    if num_identities < 1 or images_per_modality < 1:
        raise ValueError(
            "A batch needs at least one person and one image. "
            f"Received: num_identities={num_identities}, "
            f"images_per_modality={images_per_modality}. "
            "Pass positive numbers, such as 8 and 4."
        )


def check_identities(images, num_identities):
    """Raises `ValueError` for too few people, or for one modality only."""
    if len(images) < num_identities:
        raise ValueError(
            "`num_identities` cannot exceed the people in the samples. "
            f"Received: num_identities={num_identities}, but the samples "
            f"hold {len(images)} people. "
            "Lower `num_identities` or give more samples."
        )
    for modality in MODALITIES:
        absent = sorted(i for i in images if not len(images[i][modality]))
        if absent:
            raise ValueError(
                "Every identity needs images in both modalities. "
                f"Received: identities without {modality} images: "
                f"{absent[:5]} ({len(absent)} in all). "
                "Leave these people out of the samples, or add their images."
            )
