"""The hyperprior's decoder in integers: the same means and scales on every machine, with any number of threads.

A float32 network gives sums that depend on the order of their terms. Where encoder and decoder disagree on which of two
tables a symbol is in, all that follows is garbage. Here weights and activations are integers, held in float64: every
product and every partial sum stays below 2**53, so that any order of summation gives the same.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

UNIT = 10  # activations are multiples of 2**-10 ...
LIMIT = 2.0**20  # ... and, in these multiples, within this
WEIGHT = 14  # weights are at most 2**14 in units of their layer
# Standard deviations that there is a table for, 0.11 to 256 as in CompressAI, in these multiples.
STEPS = [round(2**UNIT * 0.11 * (256 / 0.11) ** (place / 63)) for place in range(64)]
SCALES = tuple(step / 2**UNIT for step in STEPS)
SLOPE, SLOPE_BITS = 41, 12  # 41 / 4096 stands for the 0.01 of the leaky ReLU


def scale_indexes(scales: Tensor) -> Tensor:
    """int64: the first of `SCALES` that is not smaller; the last for all beyond."""
    return torch.bucketize(scales.contiguous(), scales.new_tensor(SCALES[:-1]))


class ExactDecoder:
    """Means and scales of latents `(1, 2M, h, w)`, of hyper-latents `(1, N, h/4, w/4)`: int64, in units of 2**-10.

    Made of the hyper-synthesis of a mean-scale hyperprior: two transposed 5x5 convolutions of stride 2 and a 3x3 one,
    a leaky ReLU between. Its weights are rounded by a rule that depends on nothing but their values.
    """

    def __init__(self, network: nn.Sequential) -> None:
        self.layers = []
        for layer in network:
            if isinstance(layer, nn.LeakyReLU):
                continue
            assert isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d))
            assert layer.bias is not None
            weight, bias = (p.detach().cpu().double() for p in (layer.weight, layer.bias))
            _, exponent = torch.frexp(weight.abs().max())
            shift = WEIGHT - int(exponent)
            rounded = (weight * 2.0**shift).round_()
            self.layers.append((layer, rounded, (bias * 2.0 ** (shift + UNIT)).round_(), shift))

    @torch.no_grad()
    def __call__(self, symbols: Tensor, medians: Tensor) -> Tensor:
        """symbols: int `(1, N, h/4, w/4)`; medians: float `(N,)`, what they are the distance from."""
        offset = (medians.detach().cpu().double() * 2.0**UNIT).round_()
        x = (symbols.cpu().double() * 2.0**UNIT + offset[:, None, None]).clamp_(-LIMIT, LIMIT)
        for place, (layer, weight, bias, shift) in enumerate(self.layers):
            if isinstance(layer, nn.ConvTranspose2d):
                x = F.conv_transpose2d(
                    x, weight, bias, layer.stride, cast(tuple[int, ...], layer.padding), layer.output_padding
                )
            else:
                x = F.conv2d(x, weight, bias, layer.stride, cast(tuple[int, ...], layer.padding))
            if place < len(self.layers) - 1:
                x = torch.where(x < 0, _divided(x, shift).mul_(SLOPE).mul_(2.0**-SLOPE_BITS), x * 2.0**-shift)
                x = x.add_(0.5).floor_()
            else:
                x = _divided(x, shift)
            x.clamp_(-LIMIT, LIMIT)
        return x.long()


def _divided(x: Tensor, shift: int) -> Tensor:
    """x / 2**shift, rounded to whole numbers."""
    return (x * 2.0**-shift).add_(0.5).floor_()
