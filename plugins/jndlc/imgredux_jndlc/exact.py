"""Networks in integers: the same numbers on every machine, with any number of threads.

A float32 network gives sums that depend on the order of their terms. Where encoder and decoder disagree on which of two
tables a symbol is in, all that follows is garbage. Here activations are whole multiples of 2**-12, held in float64 as
integers, and weights whole multiples of a power of two: every product and every partial sum is a whole multiple of that
power and below 2**53 of it, so that any order of summation gives the same.
"""

from collections.abc import Callable, Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imgredux_jndlc.separable import SLOPE, Affine, Block

UNIT = 12  # activations are multiples of 2**-12 ...
LIMIT = 2.0**22  # ... and, in these multiples, within this
WEIGHT = 14  # weights are at most 2**14 in units of their layer
SLOPE_BITS = 12  # slopes of leaky ReLUs are rounded to 4096ths: 41 of them stand for 0.01
STRIP = 2**16  # numbers that a depthwise convolution works on at a time: they stay in the cache

Step = Callable[[Tensor], Tensor]


class Exact:
    """A sequence of layers, in integers: `(1, C, h, w)` float64, whole, in units of 2**-12, to as many.

    Its weights are rounded by a rule that depends on nothing but their values. What it is given is not changed.
    """

    def __init__(self, network: Iterable[nn.Module]) -> None:
        self.steps = [_step(layer) for layer in network]

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        for step in self.steps:
            x = step(x)
        return x


def whole(x: Tensor) -> Tensor:
    """Numbers in units of 2**-12, float64."""
    return (x.detach().double() * 2.0**UNIT).round_()


def _step(layer: nn.Module) -> Step:
    match layer:
        case Block():
            return _block(layer)
        case nn.PixelShuffle():
            return lambda x: F.pixel_shuffle(x, layer.upscale_factor)
        case nn.LeakyReLU():
            return _leaky(layer.negative_slope)
        case Affine():
            offset = layer.offset * 2.0**UNIT
            return lambda x: (x * layer.scale).add_(0.5 + offset).floor_()
        case nn.Conv2d(kernel_size=(1, 1)):
            return _pointwise(layer)
        case nn.Conv2d() if layer.groups > 1:
            return _depthwise(layer)
        case nn.Conv2d() | nn.ConvTranspose2d():
            return _convolution(layer)
        case _:
            raise TypeError(f"{type(layer).__name__} has no counterpart in integers")


def _rounded(layer: nn.Conv2d | nn.ConvTranspose2d) -> tuple[Tensor, Tensor]:
    """Weights in multiples of a power of two, and the bias plus one half, so that `floor` rounds what comes out."""
    assert layer.bias is not None
    weight, bias = layer.weight.detach().double(), layer.bias.detach().double()
    _, exponent = torch.frexp(weight.abs().max())
    unit = 2.0 ** (int(exponent) - WEIGHT)
    return (weight / unit).round_() * unit, (bias * (2.0**UNIT / unit)).round_() * unit + 0.5


def _block(block: Block) -> Step:
    neighbors, expand, project = (_step(layer) for layer in (block.neighbors, block.expand, block.project))
    leaky = _leaky(SLOPE)

    def run(x: Tensor) -> Tensor:
        return project(leaky(expand(neighbors(x)))).add_(x).clamp_(-LIMIT, LIMIT)

    return run


def _pointwise(layer: nn.Conv2d) -> Step:
    weight, bias = _rounded(layer)
    matrix, column = weight.flatten(1), bias[:, None]

    def run(x: Tensor) -> Tensor:
        y = torch.addmm(column, matrix, x[0].flatten(1)).floor_().clamp_(-LIMIT, LIMIT)
        return y.view(1, -1, *x.shape[-2:])

    return run


def _depthwise(layer: nn.Conv2d) -> Step:
    weight, bias = _rounded(layer)
    taps = weight.flatten(1).T[..., None, None].contiguous()  # (9, C, 1, 1)
    column = bias[:, None, None]

    def run(x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        y = torch.empty_like(x)
        count = max(STRIP // (height * width), 1)
        for first in range(0, x.shape[1], count):
            part = slice(first, first + count)
            padded = F.pad(x[0, part], (1, 1, 1, 1))
            views = (padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3))
            total = y[0, part]
            total.copy_(column[part].expand_as(total))
            for tap, view in zip(taps, views, strict=True):
                total.addcmul_(view, tap[part])
            total.floor_().clamp_(-LIMIT, LIMIT)
        return y

    return run


def _convolution(layer: nn.Conv2d | nn.ConvTranspose2d) -> Step:
    weight, bias = _rounded(layer)
    padding = cast(tuple[int, ...], layer.padding)

    def run(x: Tensor) -> Tensor:
        if isinstance(layer, nn.ConvTranspose2d):
            y = F.conv_transpose2d(x, weight, bias, layer.stride, padding, layer.output_padding)
        else:
            y = F.conv2d(x, weight, bias, layer.stride, padding)
        return y.floor_().clamp_(-LIMIT, LIMIT)

    return run


def _leaky(slope: float) -> Step:
    """The slope is rounded to 4096ths; it is below 1, so that the larger of the two is the right one."""
    rounded = round(slope * 2**SLOPE_BITS) / 2.0**SLOPE_BITS
    return lambda x: torch.maximum(x, (x * rounded).add_(0.5).floor_())
