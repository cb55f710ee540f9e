"""Edge protection: the eye knows how an edge goes on, and sees changes there that it would miss in texture."""

import math
from functools import partial

import torch
from torch import Tensor

from imgredux.kernels import traced
from imgredux.ops.canny import canny
from imgredux.ops.masking import weighted_gradient
from imgredux.ops.precision import widest
from imgredux.ops.strips import in_strips, strip_rows

_EDGE_HEIGHT = 60.0  # grey levels of weighted gradient
_HIGHEST_THRESHOLD = 0.8  # of the detector, where no gradient of the image is that high


def edge_protection(x: Tensor) -> Tensor:
    """Share of a JND that is left near edges: `(B, 1, H, W)` grey levels to the same shape, in [0, 1]; no gradient.

    0 on the edges of MATLAB's Canny detector with the high threshold min(60 / greatest weighted gradient, 0.8), and up
    to 2 pixels around; 1 far from them; a 5x5 Gaussian of sigma 0.8 between. That Gaussian sees zeros beyond the image,
    so that the outermost 2 pixels have less than 1. Source: the code of Wu et al. (2017), which Jiang et al. (2022)
    use too; its `strel("disk", 3)` is a 5x5 square.
    """
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    for image, ep in zip(x.detach().split(1), out.split(1), strict=True):
        clear = dilate(canny(image, _threshold(image)), 5).logical_not_()
        in_strips(lambda clear: gaussian_blur(clear.to(x.dtype), 5, 0.8), clear, halo=2, out=ep)
    return out


def _threshold(image: Tensor) -> Tensor:
    """High threshold of the detector for an image `(1, 1, H, W)`; its frame, where zeros make false edges, is left out.

    In strips, as all that is wanted is their maximum.
    """
    height, width = image.shape[-2:]
    rows = height if traced() else strip_rows(image)
    greatest = image.new_tensor(_EDGE_HEIGHT / _HIGHEST_THRESHOLD)
    for top in (0,) if traced() else range(0, height - 4 if width > 4 else 0, rows):
        strip = weighted_gradient(image[..., top : top + rows + 4, :])
        greatest = torch.maximum(greatest, strip[..., 2:-2, 2:-2].max())
    return _EDGE_HEIGHT / greatest.to(widest(greatest))


def dilate(x: Tensor, size: int) -> Tensor:
    """Whether any pixel of the `size` x `size` square (odd) around is True: bool `(B, 1, H, W)` to the same."""
    return in_strips(partial(_any, size=size), x, halo=size // 2)


def _any(x: Tensor, size: int) -> Tensor:
    for dim in (-2, -1):
        count = x.shape[dim] - size + 1
        result = x.narrow(dim, 0, count).clone()
        for shift in range(1, size):
            result |= x.narrow(dim, shift, count)
        x = result
    return x


def gaussian_blur(x: Tensor, size: int, sigma: float) -> Tensor:
    """Correlation with MATLAB's `fspecial("gaussian", size, sigma)` (odd size): `(B, 1, H, W)` to the same.

    Outside the image there are zeros, as in MATLAB's `filter2`.
    """
    half = size // 2
    taps = [math.exp(-(t**2) / (2 * sigma**2)) for t in range(half + 1)]
    total = taps[0] + 2 * sum(taps[1:])
    return in_strips(partial(_correlate, taps=[tap / total for tap in taps]), x, halo=half)


def _correlate(x: Tensor, taps: list[float]) -> Tensor:
    """Taps at offsets 0..n, even about 0, on both axes; n pixels less on every side."""
    half = len(taps) - 1
    for dim in (-2, -1):
        count = x.shape[dim] - 2 * half
        total = x.narrow(dim, half, count) * taps[0]
        for t in range(1, half + 1):
            pair = x.narrow(dim, half - t, count) + x.narrow(dim, half + t, count)
            total = total.add_(pair, alpha=taps[t])
        x = total
    return x
