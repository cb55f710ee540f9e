"""PSNR-HVS (Egiazarian et al., VPQM 2006) and PSNR-HVS-M (Ponomarenko et al., VPQM 2007)."""

import torch
from torch import Tensor

from imgredux.metrics.pairs import decibels, measured
from imgredux.ops.color import luma
from imgredux.ops.dct import blocks, dct
from imgredux.ops.precision import widest

BLOCK = 8
_ROWS = 128  # of luma at a time

# ITU-T T.81, table K.1; both published tables of the metric, of six digits, are this one's reciprocals.
_LUMA_STEPS = torch.tensor(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ],
    dtype=torch.float64,
)
_CSF = 25.73509 / _LUMA_STEPS
_MASK = (10 / _LUMA_STEPS) ** 2
_MASK[0, 0] = 0  # DC neither masks nor is masked


@measured(BLOCK, channels=(1, 3))
def psnr_hvs_m(image: Tensor, reference: Tensor) -> Tensor:
    """PSNR of the error that remains after contrast masking, weighted by visibility: `(B,)` float64 in dB.

    image, reference: `(B, C, H, W)` in [0, 1], C 1 (luma, taken as it is) or 3 (JFIF luma is measured; the authors took
    MATLAB's studio-range Y). Blocks of 8x8 do not overlap; rows and columns beyond the last whole block do not count.
    Infinite when no error remains (the authors wrote 100000), and so for errors that are too small to see.

    Differentiable; the gradient is 0 where no error remains. Raises ImageError for images of different shapes, of
    other channel counts, or smaller than 8x8.
    """
    return _decibels(image, reference, masked=True)


@measured(BLOCK, channels=(1, 3))
def psnr_hvs(image: Tensor, reference: Tensor) -> Tensor:
    """`psnr_hvs_m` without masking: PSNR of the error's DCT coefficients, weighted by contrast sensitivity."""
    return _decibels(image, reference, masked=False)


def _decibels(image: Tensor, reference: Tensor, masked: bool) -> Tensor:
    height, width = (size // BLOCK * BLOCK for size in image.shape[-2:])
    errors = image.new_zeros(len(image), dtype=widest(image))
    strips = (x[..., :height, :width].split(_ROWS, -2) for x in (image, reference))
    for x, y in zip(*strips, strict=True):
        errors = errors + _error(255 * luma(x), 255 * luma(y), masked)
    return decibels(errors / (height * width), 255)


def _error(x: Tensor, y: Tensor, masked: bool) -> Tensor:
    """Sum over some rows `(B, 1, H, W)` of the squared weighted error left."""
    cx, cy = blocks(dct(torch.cat([x, y]))).chunk(2)  # in one call, or rounding could tell equal images apart
    error = (cx - cy).abs()
    if masked:
        mask = torch.maximum(_masking(blocks(x), cx), _masking(blocks(y), cy))
        threshold = mask[..., None, None] * (1 / _MASK).nan_to_num(posinf=0).to(x)
        error = (error - threshold).clamp(min=0)
    return (error * _CSF.to(x)).square().sum((1, 2, 3, 4, 5), dtype=widest(x))


def _masking(pixels: Tensor, c: Tensor) -> Tensor:
    """E of each block `(..., 8, 8)`: root of its weighted AC energy, lower where an edge holds the variance."""
    energy = (c.square() * _MASK.to(c)).sum((-2, -1))
    quarters = pixels.unflatten(-1, (2, 4)).unflatten(-3, (2, 4))  # (..., 2, 4, 2, 4)
    whole, parts = _spread(pixels, (-2, -1)), _spread(quarters, (-3, -1)).sum((-2, -1))
    textured = whole > 0
    ratio = torch.where(textured, parts / torch.where(textured, whole, 1), 0)
    squared = energy * ratio
    visible = squared > 0  # the root's gradient at 0 is infinite
    return torch.where(visible, torch.where(visible, squared, 1).sqrt(), 0) / 32


def _spread(pixels: Tensor, dims: tuple[int, int]) -> Tensor:
    """The number of pixels times MATLAB's unbiased variance."""
    return pixels.var(dims) * (pixels.shape[dims[0]] * pixels.shape[dims[1]])
