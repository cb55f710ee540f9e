"""The pyramid of contrasts of ColorVideoVDP: what each band of frequencies adds, over the luminance around it."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F

KERNEL = (0.05, 0.25, 0.4, 0.25, 0.05)  # P. Burt and E. Adelson, 1983
LOWEST = 0.2  # cycles per degree: no band below it
FALL = 0.3228  # of the sampling limit: the peak of the second band
DARKEST, HIGHEST = 0.01, 1000.0  # cd/m2 that contrasts are over; their limit
COARSEST = 0.1  # cycles per degree that the last level stands for
LEVELS = 14


class Band(NamedTuple):
    """A band's contrasts in test and reference, `(B, 2, 3, H, W)`; log10 of the reference's luminance around them."""

    frequency: float
    contrast: Tensor
    background: Tensor
    coarsest: bool


class Pyramid:
    """For images of `height` times `width` pixels, `ppd` of them a degree."""

    def __init__(self, ppd: float, height: int, width: int) -> None:
        most = int(math.log2(min(height, width))) - 1
        peaks = [ppd / 2, *(FALL * ppd / 2 * 2.0**-level for level in range(LEVELS))]
        seen = next((level for level, peak in enumerate(peaks) if peak <= LOWEST), most)
        count = min(seen + 1, most)
        self.frequencies = [ppd / 2, *(FALL * ppd / 2 * 2.0**-level for level in range(count - 1)), COARSEST]

    def contrasts(self, x: Tensor) -> Iterator[Band]:
        """The bands of `(B, 2, 3, H, W)`, finest first; luminance is the first of the three channels."""
        for level, frequency in enumerate(self.frequencies):
            if level == len(self.frequencies) - 1:
                around = x[:, :, :1].clamp(min=DARKEST).mean((-2, -1), keepdim=True)
                yield Band(frequency, (x / around).clamp(max=HIGHEST), around[:, 1].log10(), True)
                return
            coarse = reduced(x)
            smooth = expanded(coarse, x.shape[-2], x.shape[-1])
            around = smooth[:, :, :1].clamp(min=DARKEST)
            weight = 2.0 if level else 1.0
            yield Band(frequency, weight * ((x - smooth) / around).clamp(max=HIGHEST), around[:, 1].log10(), False)
            x = coarse


def reduced(x: Tensor) -> Tensor:
    """Half the size: blurred, every second sample. Borders are mirrored.

    As the authors' program has it, whether the last column is mirrored as of an odd or an even side follows the rows.
    """
    odd = x.shape[-2] % 2 == 1
    return _halved(_halved(x, -2, odd), -1, odd)


def _halved(x: Tensor, axis: int, odd: bool) -> Tensor:
    k = KERNEL
    x = x.transpose(axis, -1)
    side = x.shape[-1]
    y = F.conv1d(x.reshape(-1, 1, side), x.new_tensor(k)[None, None], stride=2, padding=2).unflatten(0, x.shape[:-1])
    y = y[..., 0, :]
    first = x[..., 0] * k[1] + x[..., 1] * k[0]
    last = x[..., -1] * k[3] + x[..., -2] * k[4] if odd else x[..., -1] * k[4]
    edges = F.pad(first[..., None], (0, y.shape[-1] - 1)) + F.pad(last[..., None], (y.shape[-1] - 1, 0))
    return (y + edges).transpose(axis, -1)


def expanded(x: Tensor, height: int, width: int) -> Tensor:
    """Twice the size, to `height` times `width`: zeros between the samples, blurred. Borders are repeated."""
    return _doubled(_doubled(x, -2, height), -1, width)


def _doubled(x: Tensor, axis: int, side: int) -> Tensor:
    x = x.transpose(axis, -1)
    wide = x.new_zeros(*x.shape[:-1], side + 4)
    wide[..., 2:-2:2] = x
    wide[..., 0] = x[..., 0]
    wide[..., -2 + side % 2] = x[..., -1]
    kernel = 2 * x.new_tensor(KERNEL)[None, None]
    return F.conv1d(wide.reshape(-1, 1, side + 4), kernel).reshape(*x.shape[:-1], side).transpose(axis, -1)
