"""PSNR, and PSNR-B of Yim and Bovik, "Quality assessment of deblocked images", IEEE TIP 20(1), 2011."""

import math
from typing import Literal

import torch
from torch import Tensor

from imgredux.metrics.pairs import decibels, measured
from imgredux.ops.precision import widest

Counts = Literal["true", "frac", "floor"]
BLOCK = 8


@measured()
def psnr(image: Tensor, reference: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each image, in dB: `(B,)` float64, infinite for equal images.

    image, reference: `(B, C, H, W)` in [0, 1]; the squared error is averaged over all pixels and channels. Nothing is
    rounded here: published figures are those of 8-bit images. Raises ImageError when the shapes differ.
    """
    return decibels(_squared_error(image, reference))


@measured(channels=(1, 3))
def psnr_b(image: Tensor, reference: Tensor, *, counts: Counts = "true") -> Tensor:
    """PSNR with a penalty for visible 8x8 blocks in `image`, in dB: `(B,)` float64; the reference's do not count.

    image, reference: `(B, C, H, W)` in [0, 1]. For RGB images, the error is measured on RGB, and the blocking on one
    studio-range luma plane, rounded to 8 bits as MATLAB's `rgb2ycbcr` does.
    counts: number of pixel pairs across block boundaries: "true" is the actual one; published tables use H (W/8 - 1)
    for columns with the fraction ("frac": AR-CNN, FBCNN) or without ("floor": QGAC, SwinIR).

    Raises ImageError when the shapes differ.
    """
    blocking = _blocking_effect(_plane(image), counts) / 255**2
    return decibels(_squared_error(image, reference) + blocking)


def _squared_error(image: Tensor, reference: Tensor) -> Tensor:
    wide = widest(image)
    return (image.to(wide) - reference.to(wide)).square().mean((1, 2, 3))


def _plane(x: Tensor) -> Tensor:
    """Grey levels `(B, H, W)`: the luma image itself, or MATLAB's Y of RGB, 16..235."""
    if x.shape[1] == 1:
        return x[:, 0].to(widest(x)) * 255
    weights = x.new_tensor([65.481, 128.553, 24.966], dtype=widest(x))
    return (torch.einsum("bchw,c->bhw", x.to(widest(x)), weights) + 16).round()


def _blocking_effect(y: Tensor, counts: Counts) -> Tensor:
    """BEF of each plane `(B, H, W)`, in squared grey levels: how much boundary pairs differ beyond the others."""
    height, width = y.shape[-2:]
    across = y.new_zeros(len(y))
    others = y.new_zeros(len(y))
    pairs = boundaries = 0.0
    for lines, size, dim in ((height, width, -1), (width, height, -2)):
        step = y.diff(dim=dim).square()
        at_boundary = torch.arange(size - 1, device=y.device) % BLOCK == BLOCK - 1
        chosen = step.index_select(dim, at_boundary.nonzero()[:, 0]).sum((1, 2))
        across, others = across + chosen, others + step.sum((1, 2)) - chosen
        number = {"true": (size - 1) // BLOCK, "frac": size / BLOCK - 1, "floor": size // BLOCK - 1}[counts]
        boundaries += lines * number
        pairs += lines * (size - 1)
    if boundaries <= 0:  # no side is longer than a block
        return across
    inside, edge = others / (pairs - boundaries), across / boundaries
    # Eq. (11) divides by the logarithm of the shorter side; we hold it at one block, below which it would diverge.
    weight = math.log(BLOCK) / math.log(max(BLOCK, min(height, width)))
    return weight * (edge - inside).clamp(min=0)
