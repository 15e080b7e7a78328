"""A training step of the AGW network in PyTorch, to measure ours against.

Reference:
    Ye et al., "Deep Learning for Person Re-identification: A Survey and
    Outlook", TPAMI 2021, for the recipe: cross-entropy and the weighted
    regularised triplet loss, SGD with Nesterov's momentum.
"""

import torch
from torch.nn import functional

from benchmarks.torch_agw import AGW

NUM_IDENTITIES = 206


def torch_step(image_shape, batch_size, bfloat16=False):
    """Makes a network and pictures; gives a function that trains one step."""
    torch.manual_seed(0)
    network = AGW(NUM_IDENTITIES).train()
    optimizer = torch.optim.SGD(
        network.parameters(), 0.01, 0.9, weight_decay=5e-4, nesterov=True
    )
    height, width, channels = image_shape
    pictures = torch.randn(2, batch_size // 2, channels, height, width)
    people = torch.arange(batch_size // 2).div(4, rounding_mode="floor")
    labels = torch.cat([people, people])

    def step():
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            pooled, _, logits = network(*pictures)
        loss = functional.cross_entropy(logits.float(), labels)
        loss = loss + weighted_triplet(pooled.float(), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    step()
    return step


def weighted_triplet(features, labels):
    """The weighted regularised triplet loss."""
    distances = torch.cdist(features, features)
    same = labels[:, None] == labels
    self = torch.eye(len(labels), dtype=torch.bool)
    nothing = torch.tensor(-torch.inf)
    far = torch.where(same & ~self, distances, nothing).softmax(1)
    near = torch.where(~same, -distances, nothing).softmax(1)
    margin = (far * distances).sum(1) - (near * distances).sum(1)
    return functional.softplus(margin).mean()
