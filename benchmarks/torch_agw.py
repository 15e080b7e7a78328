"""The AGW network in PyTorch, to measure and to test ours against.

Written from the recipe that the field shares, with the parameter names of the
released checkpoints. Images are `(batch, 3, height, width)`, already
normalised. Only a machine with PyTorch can import this file.

Reference:
    Ye et al., "Deep Learning for Person Re-identification: A Survey and
    Outlook", TPAMI 2021.
"""

import torch
from torch import nn
from torch.nn import functional

WIDTHS, STRIDES = (64, 128, 256, 512), (1, 2, 2, 1)  # last stride 1


class AGW(nn.Module):
    """Two private stems, a shared ResNet-50 with non-local blocks, a neck."""

    def __init__(self, num_identities):
        super().__init__()
        self.visible_module = nn.ModuleDict({"visible": Stem()})
        self.thermal_module = nn.ModuleDict({"thermal": Stem()})
        self.base_resnet = nn.ModuleDict({"base": Stages()})
        self.NL_2 = nn.ModuleList(NonLocal(512) for _ in range(2))
        self.NL_3 = nn.ModuleList(NonLocal(1024) for _ in range(3))
        self.bottleneck = nn.BatchNorm1d(2048)
        self.bottleneck.bias.requires_grad_(False)
        self.classifier = nn.Linear(2048, num_identities, bias=False)
        nn.init.normal_(self.bottleneck.weight, 1.0, 0.01)
        nn.init.normal_(self.classifier.weight, 0.0, 0.001)

    def forward(self, visible, infrared):
        """Gives pooled features, embeddings (not normalised) and logits."""
        halves = (
            self.visible_module["visible"](visible),
            self.thermal_module["thermal"](infrared),
        )
        maps = torch.cat(halves)
        base = self.base_resnet["base"]
        maps = base.layer1(maps)
        maps = attend(maps, base.layer2, self.NL_2)
        maps = attend(maps, base.layer3, self.NL_3)
        maps = base.layer4(maps)
        pooled = ((maps**3).mean((2, 3)) + 1e-12) ** (1 / 3)
        embedding = self.bottleneck(pooled)
        return pooled, embedding, self.classifier(embedding)


def attend(maps, layer, blocks):
    """Runs a stage with a non-local block behind each of its last blocks."""
    first = len(layer) - len(blocks)
    for i, residual in enumerate(layer):
        maps = residual(maps)
        if i >= first:
            maps = blocks[i - first](maps)
    return maps


class Stem(nn.Module):
    """The first convolution and pooling of a ResNet."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)

    def forward(self, maps):
        maps = functional.relu(self.bn1(self.conv1(maps)))
        return functional.max_pool2d(maps, 3, 2, 1)


class Stages(nn.Module):
    """The four stages of a ResNet: 50 layers, or 18."""

    def __init__(self, depths=(3, 4, 6, 3), bottleneck=True):
        super().__init__()
        channels = WIDTHS[0]
        for i, (depth, inner, stride) in enumerate(
            zip(depths, WIDTHS, STRIDES, strict=True), start=1
        ):
            filters = inner * 4 if bottleneck else inner
            blocks = [Residual(channels, filters, inner, stride)]
            for _ in range(depth - 1):
                blocks.append(Residual(filters, filters, inner))
            setattr(self, f"layer{i}", nn.Sequential(*blocks))
            channels = filters

    def forward(self, maps):
        maps = self.layer2(self.layer1(maps))
        return self.layer4(self.layer3(maps))


class ResNet(Stages):
    """A stem and four stages, named as in torchvision's `state_dict`."""

    def __init__(self, depths=(3, 4, 6, 3), bottleneck=True):
        super().__init__(depths, bottleneck)
        stem = Stem()
        self.conv1, self.bn1 = stem.conv1, stem.bn1

    def forward(self, maps):
        return super().forward(Stem.forward(self, maps))


class Residual(nn.Module):
    """A residual block: of 1x1, 3x3, 1x1 where it widens, or of two 3x3."""

    def __init__(self, channels, filters, inner, stride=1):
        super().__init__()
        if filters == inner:
            plans = [(inner, 3, stride), (filters, 3, 1)]
        else:
            plans = [(inner, 1, 1), (inner, 3, stride), (filters, 1, 1)]
        self.count, width = len(plans), channels
        for i, (outputs, size, step) in enumerate(plans, start=1):
            conv = nn.Conv2d(width, outputs, size, step, size // 2, bias=False)
            setattr(self, f"conv{i}", conv)
            setattr(self, f"bn{i}", nn.BatchNorm2d(outputs))
            width = outputs
        self.downsample = nn.Identity()
        if stride > 1 or channels != filters:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, filters, 1, stride, bias=False),
                nn.BatchNorm2d(filters),
            )

    def forward(self, inputs):
        maps = inputs
        for i in range(1, self.count + 1):
            maps = getattr(self, f"conv{i}")(maps)
            maps = getattr(self, f"bn{i}")(maps)
            if i < self.count:
                maps = functional.relu(maps)
        return functional.relu(maps + self.downsample(inputs))


class NonLocal(nn.Module):
    """Attention of every pixel to every pixel, with one inner channel."""

    def __init__(self, channels):
        super().__init__()
        self.g = nn.Sequential(nn.Conv2d(channels, 1, 1))
        self.W = nn.Sequential(
            nn.Conv2d(1, channels, 1), nn.BatchNorm2d(channels)
        )
        self.theta = nn.Conv2d(channels, 1, 1)
        self.phi = nn.Conv2d(channels, 1, 1)
        nn.init.zeros_(self.W[1].weight)

    def forward(self, maps):
        theta, phi, g = (
            f(maps).flatten(2) for f in (self.theta, self.phi, self.g)
        )
        attention = theta.transpose(1, 2) @ phi / phi.shape[2]  # (B, N, N)
        found = attention @ g.transpose(1, 2)  # (B, N, 1)
        found = found.transpose(1, 2).unflatten(2, maps.shape[2:])
        return maps + self.W(found)
