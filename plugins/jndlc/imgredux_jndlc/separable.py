"""Transforms for a processor without a GPU: 1x1 and depthwise 3x3 convolutions at 1/4, 1/8 and 1/16 of the sides.

All of it that a decoder needs can be computed in integers (`exact.py`).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imgredux_jndlc.core import Core

FEATURES = 96  # of the hyperprior
HIDDEN = 192  # in each pass
HALO = 4
SLOPE = 2.0**-3  # of leaky ReLUs below 0
STRETCH = 4.0  # of [0, 1] about its middle, so that inputs have a deviation near 1


class Affine(nn.Module):
    """scale x + offset, constants that are whole multiples of powers of two."""

    def __init__(self, scale: float, offset: float) -> None:
        super().__init__()
        self.scale, self.offset = scale, offset

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * x + self.offset


class Block(nn.Module):
    """x + project(leaky(expand(neighbors(x)))): a depthwise 3x3 and two 1x1 convolutions.

    The slope below 0 is 1/8: with 0, six blocks of ten died in the first minutes of a training.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.neighbors = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.expand = nn.Conv2d(channels, hidden, 1)
        self.project = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.project(F.leaky_relu(self.expand(self.neighbors(x)), SLOPE))


def separable(N: int, M: int, widths: tuple[int, int, int], depths: tuple[int, int, int], passes: int) -> Core:
    """The transforms, of so many channels and blocks at 1/4, 1/8 and 1/16, and a hyperprior with so many passes."""
    quarter, eighth, sixteenth = widths
    g_a = nn.Sequential(
        *(Affine(STRETCH, -STRETCH / 2), nn.PixelUnshuffle(4), nn.Conv2d(48, quarter, 1)),
        *blocks(depths[0], quarter, quarter),
        *(nn.PixelUnshuffle(2), nn.Conv2d(4 * quarter, eighth, 1)),
        *blocks(depths[1], eighth, 2 * eighth),
        *(nn.PixelUnshuffle(2), nn.Conv2d(4 * eighth, sixteenth, 1)),
        *blocks(depths[2], sixteenth, 2 * sixteenth),
        nn.Conv2d(sixteenth, M, 1),
    )
    g_s = nn.Sequential(
        nn.Conv2d(M, sixteenth, 1),
        *blocks(depths[2], sixteenth, 2 * sixteenth),
        *(nn.Conv2d(sixteenth, 4 * eighth, 1), nn.PixelShuffle(2)),
        *blocks(depths[1], eighth, 2 * eighth),
        *(nn.Conv2d(eighth, 4 * quarter, 1), nn.PixelShuffle(2)),
        *blocks(depths[0], quarter, quarter),
        *(nn.Conv2d(quarter, 48, 1), nn.PixelShuffle(4), Affine(1 / STRETCH, 0.5)),
    )
    h_a = nn.Sequential(
        *(nn.Conv2d(M, FEATURES, 1), nn.LeakyReLU(SLOPE), nn.PixelUnshuffle(2), nn.Conv2d(4 * FEATURES, FEATURES, 1)),
        *blocks(1, FEATURES, 2 * FEATURES),
        *(nn.PixelUnshuffle(2), nn.Conv2d(4 * FEATURES, N, 1)),
    )
    h_s = nn.Sequential(
        *(nn.Conv2d(N, 4 * FEATURES, 1), nn.PixelShuffle(2)),
        *blocks(1, FEATURES, 2 * FEATURES),
        *(nn.Conv2d(FEATURES, 4 * FEATURES, 1), nn.PixelShuffle(2)),
        *blocks(1, FEATURES, 2 * FEATURES),
    )
    contexts = [context(FEATURES + (M if number else 0), M) for number in range(passes)]
    core = Core((N, M), (g_a, g_s), (h_a, h_s), contexts, HALO)
    for part in core.modules():
        if isinstance(part, nn.Conv2d):
            started(part)
    with torch.no_grad():
        for part in core.modules():
            if isinstance(part, Block):
                part.project.weight *= 0.2  # near the identity
        _weight(g_a[-1]).mul_(4)  # latents that are not all rounded to 0
        _weight(g_s[0]).div_(4)
        for part in contexts:
            _weight(part[-1], "bias")[:M] += 1  # scales
    return core


def blocks(depth: int, channels: int, hidden: int) -> list[Block]:
    """So many of them."""
    return [Block(channels, hidden) for _ in range(depth)]


def context(inputs: int, M: int) -> nn.Sequential:
    """Scales and means of one pass."""
    neighbors = nn.Conv2d(HIDDEN, HIDDEN, 3, padding=1, groups=HIDDEN)
    return nn.Sequential(nn.Conv2d(inputs, HIDDEN, 1), neighbors, nn.LeakyReLU(SLOPE), nn.Conv2d(HIDDEN, 2 * M, 1))


@torch.no_grad()
def started(layer: nn.Conv2d) -> None:
    """Initial values that keep the deviation of what passes."""
    nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]
    if layer.groups > 1:
        layer.weight.normal_(0, 0.1)
        layer.weight[:, :, 1, 1] += 1
    else:
        nn.init.orthogonal_(layer.weight)


def _weight(layer: nn.Module, name: str = "weight") -> Tensor:
    return layer.get_parameter(name)
