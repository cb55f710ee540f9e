"""Visual masking as the classical JND models compute it, on luma in grey levels 0..255."""

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from imgredux.ops.color import luma
from imgredux.ops.precision import widest
from imgredux.ops.strips import Border, in_strips

_SMALLEST = 1e-12  # a square root is held here: its slope at zero is infinite
_FLAT = 1e-9  # a variance below this is rounding error of float64 on 0..255


def background(x: Tensor, border: Border = "constant") -> Tensor:
    """Background luminance of Chou and Li (1995), a 5x5 mean around the pixel: `(B, 1, H, W)` grey levels to the same.

    Outside the image there is black, as in MATLAB's `filter2`; `border` says otherwise.
    """
    return in_strips(_background, x, halo=2, border=border)


def _background(x: Tensor) -> Tensor:
    total = box(x, 5)  # the kernel is a 5x5 box, plus a 3x3 box, minus twice the centre; it sums to 32
    total += box(x[..., 1:-1, 1:-1], 3)
    total -= 2 * x[..., 2:-2, 2:-2]
    return total.div_(32)


def weighted_gradient(x: Tensor, border: Border = "constant") -> Tensor:
    """Greatest weighted gradient of Chou and Li (1995) in four directions: `(B, 1, H, W)` grey levels to the same.

    Outside the image there is black, as in MATLAB's `filter2`; `border` says otherwise.
    """
    kernels = x.new_tensor([_VERTICAL, _FALLING, [row[::-1] for row in _FALLING], list(zip(*_VERTICAL, strict=True))])
    kernels = kernels.unsqueeze(1) / 16
    return in_strips(lambda strip: F.conv2d(strip, kernels).abs().amax(1, keepdim=True), x, halo=2, border=border)


_VERTICAL = [[0, 0, 0, 0, 0], [1, 3, 8, 3, 1], [0, 0, 0, 0, 0], [-1, -3, -8, -3, -1], [0, 0, 0, 0, 0]]
_FALLING = [[0, 0, 1, 0, 0], [0, 8, 3, 0, 0], [1, 3, 0, -3, -1], [0, 0, -3, -8, 0], [0, 0, -1, 0, 0]]


def luminance_adaptation(b: Tensor, dark_lift: bool = False) -> Tensor:
    """Visibility threshold of Chou and Li (1995) against the background luminance `b`, both in grey levels; any shape.

    `dark_lift` first floors `b` and lifts its dark half to 32..127, as the code of Wu et al. (2013, 2017) does: a step
    function, without gradient.
    """
    if dark_lift:
        b = b.floor()
        b = torch.maximum(b, (32.5 + b * (95 / 127)).floor())
    dark = 17 * (1 - (b.clamp(_SMALLEST, 127.0) / 127).sqrt())
    return dark + (b - 127).clamp(min=0) * (3 / 128) + 3


def spatial_masking(G: Tensor, b: Tensor) -> Tensor:
    """Texture masking of Chou and Li (1995): what a weighted gradient G hides on a background b, all in grey levels."""
    return G * (0.0001 * b + 0.115) + (0.5 - 0.01 * b)


def local_std(x: Tensor, size: int, border: Border = "constant") -> Tensor:
    """Standard deviation in a `size` x `size` window (odd; population form): `(B, 1, H, W)` grey levels to the same.

    Outside the image there are zeros, which count, as in MATLAB's `filter2`; `border` says otherwise.
    The moments are float64: in float32 their difference leaves noise on a flat bright image.
    Raises ValueError for an even size.
    """
    if size % 2 == 0:
        raise ValueError(f"the window has no centre pixel with size={size}; give an odd size")
    return in_strips(partial(_std, size=size), x, halo=size // 2, border=border).to(x.dtype)


def busyness(x: Tensor) -> Tensor:
    """1 grey level plus the standard deviation of luma in 5x5 pixels: `(B, C, H, W)` in [0, 1] to `(B, 1, H, W)`/255.

    Mirrored about the edge pixels, so that no border shows. The baseline `localstd`, and the base of maps on it.
    """
    return local_std(luma(x) * 255, 5, border="reflect").add_(1).div_(255)


def _std(x: Tensor, size: int) -> Tensor:
    x = x.to(widest(x))
    mean, square = box(x, size) / size**2, box(x * x, size) / size**2
    variance = square - mean * mean
    flat = variance < _FLAT
    return variance.masked_fill(flat, 1).sqrt().masked_fill(flat, 0)


def combine(a: Tensor, b: Tensor, overlap: float = 0.3) -> Tensor:
    """Nonlinear additivity model for masking (Yang et al. 2005), `a + b - overlap * min(a, b)`: any units and shape."""
    return a + b - overlap * torch.minimum(a, b)


def box(x: Tensor, size: int) -> Tensor:
    """Sum over `size` x `size` windows: `(B, C, H, W)` to the same, `size - 1` smaller on both axes."""
    for dim in (-2, -1):
        count = x.shape[dim] - size + 1
        total = x.narrow(dim, 0, count) + x.narrow(dim, 1, count) if size > 1 else x.clone()
        for shift in range(2, size):
            total += x.narrow(dim, shift, count)
        x = total
    return x
