"""JFIF colour (ITU-T T.871) in [0, 1], neither rounded nor clipped: differentiable and exactly invertible."""

import torch
from torch import Tensor

_KR, _KB = 0.299, 0.114  # weights of red and blue in luma (T.871, from ITU-R BT.601); green has the rest
_KG = 1 - _KR - _KB


def luma(x: Tensor) -> Tensor:
    """JFIF luma Y = 0.299 R + 0.587 G + 0.114 B: `(B, 3, H, W)` RGB in [0, 1] to `(B, 1, H, W)` in [0, 1].

    A luma image `(B, 1, H, W)` is returned as it is, and a grey RGB image gives its channel to the last bit.
    Leading dimensions are free. Raises ValueError for other channel counts.
    """
    if x.ndim >= 3 and x.shape[-3] == 1:
        return x
    r, g, b = _channels(x, "1 or 3 channels")
    return torch.lerp(g, r, _KR / (1 - _KB)).lerp_(b, _KB)  # one output, two passes, exact where r = g = b


def rgb_to_ycbcr(x: Tensor) -> Tensor:
    """RGB in [0, 1] to Y, Cb, Cr in [0, 1], both `(B, 3, H, W)`; Cb and Cr are 0.5 for grey.

    T.871 in units of 255, with its chroma offset of 128 made 0.5: its 8-bit Cb is `255 * (cb - 0.5) + 128`.
    Leading dimensions are free. Raises ValueError unless there are 3 channels.
    """
    r, _, b = _channels(x, "3 channels")
    y = luma(x)
    return torch.cat([y, (b - y) / (2 - 2 * _KB) + 0.5, (r - y) / (2 - 2 * _KR) + 0.5], dim=-3)


def ycbcr_to_rgb(x: Tensor) -> Tensor:
    """Inverse of `rgb_to_ycbcr`; what lies outside the RGB cube is not clipped."""
    y, cb, cr = _channels(x, "3 channels")
    r = y + (2 - 2 * _KR) * (cr - 0.5)  # 1.402
    b = y + (2 - 2 * _KB) * (cb - 0.5)  # 1.772
    g = (y - _KR * r - _KB * b) / _KG
    return torch.cat([r, g, b], dim=-3)


def with_luma(x: Tensor, y: Tensor) -> Tensor:
    """The image `x`, `(B, 1 or 3, H, W)`, with its luma replaced by `y`, `(B, 1, H, W)`, its Cb and Cr kept.

    R, G and B all change by what luma changes by. Not clipped. Raises ValueError for other channel counts of `x`.
    """
    return y if x.ndim >= 3 and x.shape[-3] == 1 else x + (y - luma(x))


def _channels(x: Tensor, wanted: str) -> tuple[Tensor, Tensor, Tensor]:
    if x.ndim < 3 or x.shape[-3] != 3:
        raise ValueError(f"the shape is {tuple(x.shape)}; colour needs (B, C, H, W) with {wanted}")
    first, second, third = x.split(1, dim=-3)
    return first, second, third
