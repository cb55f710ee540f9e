"""The structure tensor: how strongly an image changes along an edge and across it."""

import torch
from torch import Tensor
from torch.nn import functional as F

from imgredux.ops.masking import box
from imgredux.ops.strips import in_strips

_SMALLEST = 1e-12  # a square root is held here: its slope at zero is infinite


def sobel(x: Tensor) -> Tensor:
    """Sobel's gradient of `(B, 1, H, W)`, to the right and down, `(B, 2, H - 2, W - 2)`: units of x a pixel."""
    kernel = x.new_tensor([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 8
    return F.conv2d(x, torch.stack([kernel, kernel.T])[:, None])


def strengths(x: Tensor, size: int) -> Tensor:
    """Rms gradient in `size` x `size` pixels across and along their common edge: `(B, 2, H, W)`, units of x a pixel.

    x: `(B, 1, H, W)`, mirrored about its edge pixels. The roots of the two eigenvalues of the structure tensor, the
    larger one first. At an edge the second is near 0; in texture, which has several orientations, both are alike.
    J. Bigun and G. Granlund, "Optimal orientation detection of linear symmetry", ICCV 1987.

    Raises ValueError for an even size.
    """
    if size % 2 == 0:
        raise ValueError(f"the window has no centre pixel with size={size}; give an odd size")
    return in_strips(lambda strip: _strengths(strip, size), x, halo=1 + size // 2, border="reflect", channels=2)


def _strengths(x: Tensor, size: int) -> Tensor:
    dx, dy = sobel(x).split(1, 1)
    xx, yy, xy = (box(torch.cat([dx * dx, dy * dy, dx * dy], 1), size) / size**2).split(1, 1)
    apart = ((xx - yy).square() + 4 * xy.square()).clamp(min=_SMALLEST).sqrt()
    return (torch.cat([xx + yy + apart, xx + yy - apart], 1) / 2).clamp(min=_SMALLEST).sqrt()
