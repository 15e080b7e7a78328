"""Splits training samples into *train* and *proxy*, the search's two halves.

Weights learn on train, gates on proxy. A split by identity trains the gates
on people whom the weights have not seen, so that they choose features that
generalise. A split by image trains them on new images of known people, so
that the identity loss stays defined. Which split the paper used is not
public; both are our choice. `run_pipeline` uses neither: in its search folds
of the identities take turns as proxy.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from nfs_keras.datasets.sample import Sample


def split_by_identity(
    samples: Sequence[Sample], proxy_fraction: float = 0.3, seed: int = 0
) -> tuple[list[Sample], list[Sample]]:
    """Splits the people, so that no person is in both halves.

    Args:
        samples: Training samples.
        proxy_fraction: Share of the people in the proxy half, between 0 and
            1, rounded to whole people, at least one in each half.
        seed: Non-negative int.

    Returns:
        `(train, proxy)`, each in the order of `samples`.
    """
    identities = sorted({sample.identity for sample in samples})
    rng = np.random.default_rng(seed)
    proxy = set(choose_proxy(identities, proxy_fraction, rng, "people"))
    return (
        [s for s in samples if s.identity not in proxy],
        [s for s in samples if s.identity in proxy],
    )


def split_by_image(
    samples: Sequence[Sample], proxy_fraction: float = 0.2, seed: int = 0
) -> tuple[list[Sample], list[Sample]]:
    """Splits each person's images, so that every person is in both halves.

    Args:
        samples: Training samples.
        proxy_fraction: Share of the images in the proxy half, between 0 and
            1, rounded to whole images, at least one in each half.
        seed: Non-negative int.

    Returns:
        `(train, proxy)`, each in the order of `samples`.
    """
    groups = defaultdict(list)
    for sample in sorted(samples):
        groups[sample.identity, sample.modality].append(sample)
    rng = np.random.default_rng(seed)
    proxy = set()
    for (identity, modality), group in sorted(groups.items()):
        title = f"{modality} images of identity {identity}"
        proxy.update(choose_proxy(group, proxy_fraction, rng, title))
    return (
        [s for s in samples if s not in proxy],
        [s for s in samples if s in proxy],
    )


def choose_proxy(items: list, fraction: float, rng, title: str) -> list:
    """Samples `fraction` of `items`, but neither none nor all of them."""
    if not 0 < fraction < 1 or len(items) < 2:
        raise ValueError(
            "Both halves of a split must have at least one element. "
            f"Received: proxy_fraction={fraction}, {len(items)} {title}. "
            "Pass a fraction between 0 and 1, and at least two to split."
        )
    count = min(max(round(fraction * len(items)), 1), len(items) - 1)
    return [items[i] for i in rng.permutation(len(items))[:count]]
