"""The network of unjpeg: a U-Net of plain residual blocks behind a pixel-unshuffle, told how the file was made."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STEM = 2  # side of the squares that the pixel-unshuffle makes one position of
FACTS = 2 * 64 + 2  # steps of luma and chroma, and whether chroma is halved down and across
EMBEDDED = 64
LOG_STEP = 3.0  # ln of a usual step
UNIT = 0.0026  # change of a sample at a mean step of 1; it grows with the root of the step
DETAIL = 0.1  # size of what a usual image has beside its mean of 7x7
BLUR = 7
SLOPE = 0.1  # of the activation below 0
TOLD = 0.01  # factor on what the facts do: 64 of them move every feature of a level at once
QUIET = 0.1  # factor on the second convolution of a fresh block
FIRST = 0.01  # and on the last convolution of all


class Network(nn.Module):
    """Planes `(B, 6, H, W)`, and facts `(B, 130)` of the file, to the change of Y, Cb and Cr, `(B, 3, H, W)`.

    The planes are Y, Cb, Cr of the JPEG and of its estimate, all in [0, 1], Cb and Cr less 0.5; H and W are multiples
    of 8 with three levels. widths: features of each level, each at half the resolution of the one before, the first at
    half that of the image. blocks: residual blocks of each level on the way down, and, but for the last, on the way up.

    Inside, changes are in units that follow the file's steps, so that all qualities look alike.
    """

    def __init__(self, widths: Sequence[int], blocks: Sequence[int]) -> None:
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(FACTS, EMBEDDED), nn.ReLU(), nn.Linear(EMBEDDED, EMBEDDED), nn.ReLU())
        self.stem = nn.Conv2d(9 * STEM**2, widths[0], 3, padding=1)
        levels = list(zip(widths, blocks, strict=True))
        self.down = nn.ModuleList(nn.ModuleList(Block(width) for _ in range(count)) for width, count in levels)
        self.up = nn.ModuleList(nn.ModuleList(Block(width) for _ in range(count)) for width, count in levels[:-1])
        pairs = list(pairwise(widths))
        self.shrink = nn.ModuleList(nn.Conv2d(fine, coarse, 2, stride=2) for fine, coarse in pairs)
        self.enlarge = nn.ModuleList(nn.Conv2d(coarse, 4 * fine, 1) for fine, coarse in pairs)
        self.last = nn.Conv2d(widths[0], 3 * STEM**2, 3, padding=1)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                assert module.bias is not None
                nn.init.zeros_(module.bias)
        with torch.no_grad():
            for block in self.modules():
                if isinstance(block, Block):
                    block.second.weight.mul_(QUIET)
                    block.told.weight.zero_()
            self.last.weight.mul_(FIRST)
        self.to(memory_format=torch.channels_last)

    def forward(self, planes: Tensor, facts: Tensor) -> Tensor:
        told, unit = self.embed(facts), units(facts)
        damaged, estimate = planes.split(3, 1)
        smooth = F.avg_pool2d(estimate, BLUR, 1, BLUR // 2, count_include_pad=False)
        seen = torch.cat([(damaged - estimate) / unit, (estimate - smooth) / DETAIL, estimate], 1)
        x = self.stem(F.pixel_unshuffle(seen, STEM).contiguous(memory_format=torch.channels_last))
        kept = []
        for level, blocks in enumerate(self.down):
            x = self.shrink[level - 1](x) if level else x
            for block in blocks:  # pyright: ignore[reportGeneralTypeIssues]
                x = block(x, told)
            kept.append(x)
        for level in reversed(range(len(self.up))):
            x = kept[level] + F.pixel_shuffle(self.enlarge[level](x), 2)
            for block in self.up[level]:  # pyright: ignore[reportGeneralTypeIssues]
                x = block(x, told)
        return F.pixel_shuffle(self.last(x), STEM) * unit


class Block(nn.Module):
    """Residual block of two 3x3 convolutions; what the file says scales and shifts the features between them.

    These are normalized over the batch. Without, the features of whole levels were off after some hundred steps.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.normal = nn.BatchNorm2d(width, affine=False)
        self.told = nn.Linear(EMBEDDED, 2 * width)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        scale, shift = (TOLD * self.told(told))[..., None, None].chunk(2, 1)
        return x + self.second(F.leaky_relu_(torch.addcmul(shift, self.normal(self.first(x)), 1 + scale), SLOPE))


def units(facts: Tensor) -> Tensor:
    """The size of changes in Y, Cb and Cr for a file of which `facts_of` says `facts`: `(B, 3, 1, 1)`."""
    luma, chroma = (facts[:, i : i + 64].add(LOG_STEP).exp().mean(1).sqrt() * UNIT for i in (0, 64))
    return torch.stack([luma, chroma, chroma], 1)[..., None, None]


def facts_of(steps: Tensor, halved: tuple[bool, bool]) -> Tensor:
    """What the network is told, `(B, 130)`: logarithms of steps `(B, 2, 8, 8)`, which sides of chroma are halved."""
    logs = steps.clamp(1, 255).log().flatten(1).sub(LOG_STEP)
    flags = [logs.new_full((len(logs), 1), side) for side in halved]
    return torch.cat([logs, *flags], 1)
