"""Just Noticeable Difference Estimation for Images With Free-Energy Principle (Wu, Shi, Lin, Liu, Qi; TMM 2013).

The brain predicts what it sees. The part of an image that it can predict is orderly: luminance adaptation and contrast
masking hide changes there. The rest is disorderly, and hides changes as large as the error of the prediction.
Grey levels 0..255 throughout. F is the image, F_ar its prediction.
"""

import math
from collections.abc import Callable
from functools import reduce
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from imgredux.methods.base import Estimator
from imgredux.ops.canny import canny
from imgredux.ops.color import luma
from imgredux.ops.masking import (
    background,
    combine,
    local_std,
    luminance_adaptation,
    spatial_masking,
    weighted_gradient,
)
from imgredux.ops.protection import gaussian_blur
from imgredux.ops.strips import in_strips
from imgredux_wu2013.prediction import informative_neighbors, similar_patches


class Wu2013(Estimator):
    """JND of Wu et al. (2013): `(B, C, H, W)` in [0, 1] to `(B, 1, H, W)` in the same units; one map for all channels.

    formulation: "released" follows the authors' MATLAB code, "printed" the paper. They differ in the predictor (similar
    patches; mutual information), in contrast masking, and in where disorder counts. Both see an 8-bit image, as that
    code does: luma is rounded to whole grey levels, halves up. Not differentiable.

    The released map is zero in the first two and the last three rows and columns, as in that code: wholly so when a
    side has 5 pixels or fewer.

    Raises ValueError for another formulation.
    """

    def __init__(self, *, formulation: Literal["released", "printed"] = "released") -> None:
        super().__init__()
        formulations: dict[str, Callable[[Tensor], None]] = {"released": _released, "printed": _printed}
        if formulation not in formulations:
            raise ValueError(f"formulation is {formulation!r}; choose released or printed")
        self._estimate = formulations[formulation]

    def forward(self, x: Tensor) -> Tensor:
        jnd = x.new_empty(x.shape[0], 1, *x.shape[-2:])
        for image, plane in zip(x.split(1), jnd.split(1), strict=True):
            torch.mul(luma(image), 255, out=plane).add_(0.5).floor_().clamp_(0, 255)
            self._estimate(plane)
        return jnd.div_(255)


def _released(F: Tensor) -> None:
    """Replace one image `(1, 1, H, W)` by its JND, by the authors' code."""
    planes = F.new_empty(1, 3, *F.shape[-2:])  # filled one by one: torch.cat would hold all three twice
    planes[:, 1:2] = similar_patches(F, in_strips(tolerance, F, halo=3))
    planes[:, 2:] = canny(F, 0.7)
    planes[:, :1] = F
    in_strips(lambda p: combine(order(p[:, 1:2]), disorder(*p.split(1, dim=1))), planes, halo=4, out=F)
    for frame in (F[..., :2, :], F[..., -3:, :], F[..., :2], F[..., -3:]):
        frame.zero_()


def tolerance(F: Tensor) -> Tensor:
    """sigma^2 of the patch comparison: s^2, less where the contrast v exceeds the luminance threshold s."""
    s = luminance_adaptation(background(F), dark_lift=True).clamp_(min=8)  # 8 as in the authors' demo (code default: 5)
    v = local_std(F, 7)
    return s * s * (s / torch.maximum(s, v))


def order(F_ar: Tensor) -> Tensor:
    """JND of the orderly part: luminance adaptation and contrast masking of the predicted image."""
    B = background(F_ar)
    L = 80 / math.log(4) * torch.log1p(weighted_gradient(F_ar) / 80)  # compressed; not so in the paper
    return combine(luminance_adaptation(B, dark_lift=True), spatial_masking(L, B.floor()).abs())


def disorder(F: Tensor, F_ar: Tensor, edges: Tensor) -> Tensor:
    """JND of the disorderly part: the prediction's error, smoothed where the image is, and less near strong edges."""
    FE = (F - F_ar).abs()
    d = torch.where(local_std(F, 7) < 10, torch.minimum(gaussian_blur(FE, 7, 7 / 3), FE), FE)
    return d * gaussian_blur(1 - 0.8 * _dilate(edges), 5, 0.8)


def _dilate(x: Tensor) -> Tensor:
    """Maximum over the 13 pixels within 2 pixels: MATLAB's `strel("disk", 2)`."""
    height, width = x.shape[-2:]
    around = functional.pad(x, (2, 2, 2, 2))
    disk = [(y, x) for y in range(5) for x in range(5) if (y - 2) ** 2 + (x - 2) ** 2 <= 4]
    return reduce(torch.maximum, (around[..., y : y + height, x : x + width] for y, x in disk))


def _printed(F: Tensor) -> None:
    """Replace one image `(1, 1, H, W)` by its JND, by the paper, which is silent on borders: we mirror them."""
    planes = torch.cat([F, informative_neighbors(F)], dim=1)
    in_strips(lambda p: printed(*p.split(1, dim=1)), planes, halo=2, border="symmetric", out=F)


def printed(F: Tensor, F_ar: Tensor) -> Tensor:
    """JND of the paper's text, two misprints mended: the sum of Chou and Li's terms is positive."""
    B, G = background(F_ar), weighted_gradient(F_ar)
    LA = luminance_adaptation(B)  # the dark half is printed without its + 3
    SM = spatial_masking(G, B)  # printed as (0.01 B + 11.5) (0.01 G - 1) - 12, which is this with + 12
    JND_p = combine(LA, SM)
    JND_d = 1.125 * (F - F_ar).abs()  # alpha
    return combine(JND_p, JND_d)
