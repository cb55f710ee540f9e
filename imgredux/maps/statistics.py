"""Figures of a map: how tightly it packs its noise, and how high its peaks are."""

import torch
from torch import Tensor

from imgredux.ops.precision import widest


def concentration(jnd: Tensor) -> Tensor:
    """Share of pixels that carry half of the power of a map `(B, C, H, W)`, the strongest first: `(B,)`, in (0, 0.5].

    0.5 is a flat map; the smaller, the fewer pixels hold the noise. NaN for a map of zeros.
    """
    power = jnd.to(widest(jnd)).square().sum(1).flatten(1)
    carried = power.sort(descending=True).values.cumsum(1)
    needed = (carried < carried[:, -1:] / 2).sum(1) + 1
    return (needed.to(widest(needed)) / power.shape[1]).where(carried[:, -1] > 0, torch.nan)


def peak(jnd: Tensor) -> Tensor:
    """Largest threshold of a map `(B, C, H, W)` over its root mean square: `(B,)`, 1 for a flat map, NaN for zeros."""
    flat = jnd.to(widest(jnd)).flatten(1)
    return flat.amax(1) / flat.square().mean(1).sqrt()
