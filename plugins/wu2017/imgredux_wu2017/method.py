"""Enhanced Just Noticeable Difference Model for Images With Pattern Complexity (Wu, Li, Dong, Shi, Lin, Kuo; TIP 2017).

The eye adapts to regular patterns and overlooks changes in irregular ones. A pattern is as complex as the number of
orientations that its pixels have. Grey levels 0..255 throughout. F is the image.
"""

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from imgredux.kernels import traced
from imgredux.methods.base import Estimator
from imgredux.ops.color import luma
from imgredux.ops.masking import background, combine, local_std, luminance_adaptation
from imgredux.ops.precision import widest
from imgredux.ops.protection import dilate, edge_protection, gaussian_blur
from imgredux.ops.strips import in_strips

T = 12  # degrees per orientation bin
VALID = 5  # grey levels: a gradient below has no orientation (released)


class Wu2017(Estimator):
    """JND of Wu et al. (2017): `(B, C, H, W)` in [0, 1] to `(B, 1, H, W)` in the same units; one map for all channels.

    formulation: "released" follows the authors' MATLAB code, "printed" the paper. They differ in the constants, in what
    contrast is (standard deviation; gradient), and in the code's protection of edges and lift of dark backgrounds.

    Orientations, edges and the lifted background are step functions of the image, without gradient; gradients pass
    through contrast, and in the printed form through luminance adaptation.

    Raises ValueError for another formulation.
    """

    def __init__(self, *, formulation: Literal["released", "printed"] = "released") -> None:
        super().__init__()
        formulations: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"released": _released, "printed": _printed}
        if formulation not in formulations:
            raise ValueError(f"formulation is {formulation!r}; choose released or printed")
        self._estimate = formulations[formulation]

    def forward(self, x: Tensor) -> Tensor:
        y = luma(x)
        out = torch.empty_like(y, memory_format=torch.contiguous_format)
        parts = [self._estimate(image * 255, part) for image, part in zip(y.split(1), out.split(1), strict=True)]
        return torch.cat(parts) if torch.is_grad_enabled() and y.requires_grad else out


def _released(F: Tensor, out: Tensor) -> Tensor:
    """JND of one image `(1, 1, H, W)`, in [0, 1]; written to `out`, unless gradients are wanted. So is `_printed`."""
    planes = torch.cat([F, protected_pattern(F)], dim=1)
    return in_strips(lambda p: released(*p.split(1, dim=1)).div_(255), planes, halo=2, out=out)


def released(F: Tensor, C_t: Tensor) -> Tensor:
    """JND by the authors' code, from the image and its protected pattern; beyond the image both are 0."""
    LA = 0.7 * luminance_adaptation(background(F), dark_lift=True)
    L_c = contrast(F, C_t > 0)
    return combine(LA, torch.maximum(contrast_masking(L_c), L_c * C_t))


def contrast(F: Tensor, inside: Tensor) -> Tensor:
    """L_c: standard deviation in a 5x5 window; 0 where the window is not all `inside` the image."""
    return local_std(F, 5).masked_fill(dilate(~inside, 5), 0)


def protected_pattern(F: Tensor) -> Tensor:
    """C_t ep: the gain of contrast by the pattern's complexity, less near edges; above 0, which marks the image."""
    ep = edge_protection(F)
    C_t = in_strips(
        lambda count: pattern_gain(pattern_complexity(count.to(F))), pattern_count(F), halo=1, out=torch.empty_like(F)
    )
    return C_t.mul_(ep).clamp_(min=1e-30)


def contrast_masking(L: Tensor) -> Tensor:
    """LC, the paper's M_C: what a contrast of `L` grey levels hides whatever its pattern."""
    return 0.115 * 16 * _power(L, 2.4) / (L * L + 26**2)


def pattern_count(F: Tensor) -> Tensor:
    """Number of orientations in the 3x3 field, uint8, 1..9; 1 at weak gradients and in the frame of 1 pixel."""
    count = torch.empty_like(F, dtype=torch.uint8)
    with torch.no_grad():
        in_strips(_oriented, F.detach(), halo=2, border="symmetric", out=count)
    for frame in (count[..., :1, :], count[..., -1:, :], count[..., :1], count[..., -1:]):
        frame.fill_(1)
    return count


def _oriented(F: Tensor) -> Tensor:
    # A gradient of exactly VALID, one pixel in 200, is weak or not by the last bit: float64 in raster order, as there.
    G_h, G_v = gradients(F.to(widest(F)) * (1 / 3))
    weak = (torch.sqrt(G_h * G_h + G_v * G_v) if traced() else torch.hypot(G_h, G_v)) < VALID
    theta = degrees(G_h.to(F), G_v.to(F)).round_()
    theta -= 180 * (theta / 90.5).trunc_()  # to -90..90, whose ends stay two bins, 0 and 15, as in that code
    q = theta.add_(90 + T / 2).div_(T).floor_().masked_fill_(weak, 16).int()
    return distinct(torch.bitwise_left_shift(1, q)).masked_fill_(weak[..., 1:-1, 1:-1], 1)


def gradients(F: Tensor) -> tuple[Tensor, Tensor]:
    """Prewitt's three times G_h (to the right) and G_v (down); 1 pixel less on every side."""
    height, width = F.shape[-2] - 2, F.shape[-1] - 2
    (a, b, c), (d, _, f), (g, h, i) = [[F[..., y : y + height, x : x + width] for x in range(3)] for y in range(3)]
    return c - a - d + f - g + i, g - (a + b + c) + h + i


def degrees(G_h: Tensor, G_v: Tensor) -> Tensor:
    """Direction of the gradient, -180..180."""
    return torch.atan2(G_v, G_h).mul_(180 / math.pi)


def distinct(bits: Tensor) -> Tensor:
    """How many different bits (of 17) are set in the 3x3 field, int32; 1 pixel less on every side."""
    rows = bits[..., :-2, :] | bits[..., 1:-1, :] | bits[..., 2:, :]
    bits = rows[..., :-2] | rows[..., 1:-1] | rows[..., 2:]
    bits -= (bits >> 1) & 0x55555  # counted in pairs, then in fours, then in eights
    bits = (bits & 0x33333) + ((bits >> 2) & 0x33333)
    bits = (bits + (bits >> 4)) & 0x0F0F0F
    return (bits + (bits >> 8) + (bits >> 16)) & 0x1F


def pattern_complexity(count: Tensor) -> Tensor:
    """P_c: the counts around, weighed by a 3x3 Gaussian."""
    return gaussian_blur(count, 3, 1.0)


def pattern_gain(P_c: Tensor) -> Tensor:
    """C_t: what a pattern of the complexity P_c hides, per grey level of contrast."""
    return 0.3 * _power(P_c, 2.7) / (P_c * P_c + 1)


def _printed(F: Tensor, out: Tensor) -> Tensor:
    """The paper is silent on borders: we mirror, so that they are no edges."""
    return in_strips(lambda strip: printed(strip).div_(255), F, halo=2, border="symmetric", out=out)


def printed(F: Tensor) -> Tensor:
    """JND of the paper's text; 2 pixels less on every side."""
    G_h, G_v = gradients(F)
    squared = (G_h * G_h + G_v * G_v)[..., 1:-1, 1:-1]
    C_l = (squared / 9).clamp(min=1e-12).sqrt()  # the slope of the root is infinite at zero
    C_p = orientations(G_h.detach(), G_v.detach())
    M_P = torch.log2(1 + C_l) * (0.8 * _power(C_p, 2.7) / (C_p * C_p + 0.1**2))
    M_S = torch.maximum(M_P, contrast_masking(C_l))
    LA = luminance_adaptation(background(F)[..., 2:-2, 2:-2])  # its dark half is printed without + 3
    return combine(LA, M_S)


def orientations(G_h: Tensor, G_v: Tensor) -> Tensor:
    """C_p: orientations in the 3x3 field, of 15. 0 and 180 degrees are one; a pixel without gradient has none."""
    bins = degrees(G_h, G_v).div_(T).round_().remainder_(180 // T)
    bits = torch.bitwise_left_shift(1, bins.int()).masked_fill_((G_h == 0) & (G_v == 0), 0)
    return distinct(bits).to(G_h.dtype)


def _power(x: Tensor, exponent: float) -> Tensor:
    """x ** exponent for x >= 0: torch's own power rounds by a pixel's place in memory, and takes five times as long."""
    return x.clamp(min=1e-12).log().mul(exponent).exp()
