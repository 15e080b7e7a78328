"""AGW in PyTorch, a training step and inference, to measure ours against.

Each in the form that its documentation recommends for a CPU: `channels_last`,
autocast for bfloat16, and with and without `torch.compile`.

Reference:
    Ye et al., "Deep Learning for Person Re-identification: A Survey and
    Outlook", TPAMI 2021, for the recipe: cross-entropy and the weighted
    regularised triplet loss, SGD with Nesterov's momentum.
"""

import torch
from torch.nn import functional

from benchmarks.torch_agw import AGW

NUM_IDENTITIES = 206


def in_both_forms(make, image_shape, batch_size, dtype):
    """Makes `training_step` or `inference` eager and compiled.

    Returns:
        Dict of the form's name to a function that runs once, of the forms
        that run on this machine.
    """
    torch.manual_seed(0)
    calls = {}
    for name, compiler in (("eager", None), ("compiled", torch.compile)):
        network = AGW(NUM_IDENTITIES).to(memory_format=torch.channels_last)
        autocast = torch.autocast(
            "cpu", torch.bfloat16, enabled=dtype == "bfloat16"
        )
        call = make(network, compiler, image_shape, batch_size, autocast)
        try:
            call()
        except Exception as error:  # no compiler on this machine
            print(f"PyTorch, {name}, does not run here: {error}")
            continue
        calls[name] = call
    return calls


def training_step(network, compiler, image_shape, batch_size, autocast):
    """Gives a function that trains a step."""
    network.train()
    forward = compiler(network) if compiler else network
    optimizer = torch.optim.SGD(
        network.parameters(), 0.01, 0.9, weight_decay=5e-4, nesterov=True
    )
    halves = [random_images(batch_size // 2, image_shape) for _ in range(2)]
    people = torch.arange(batch_size // 2).div(4, rounding_mode="floor")
    labels = torch.cat([people, people])

    def step():
        optimizer.zero_grad()
        with autocast:
            pooled, _, logits = forward(*halves)
        loss = functional.cross_entropy(logits.float(), labels)
        loss = loss + weighted_triplet(pooled.float(), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def inference(network, compiler, image_shape, batch_size, autocast):
    """Gives a function that embeds a batch of one modality."""
    network.eval()
    forward = compiler(network) if compiler else network
    images = random_images(batch_size, image_shape)
    nothing = images[:0]

    @torch.inference_mode()
    def embed():
        with autocast:
            _, features, _ = forward(images, nothing)
        return functional.normalize(features.float()).numpy()

    return embed


def random_images(number, image_shape):
    height, width, channels = image_shape
    images = torch.randn(number, channels, height, width)
    return images.to(memory_format=torch.channels_last)


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
