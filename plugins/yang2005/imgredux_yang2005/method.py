"""Just noticeable distortion model and its applications in video coding (Yang, Lin, Lu, Ong, Yao; 2005), still images.

NAMM: luminance and texture mask together, but less than their sum: JND = T_l + T_t - C min(T_l, T_t). Texture masks
less near edges, where the eye knows what to expect. Grey levels 0..255; the planes of colour are those of JFIF.
"""

from functools import partial
from typing import Literal

import torch
from torch import Tensor

from imgredux.methods.base import Estimator
from imgredux.ops.canny import canny
from imgredux.ops.color import luma, rgb_to_ycbcr
from imgredux.ops.masking import background, combine, luminance_adaptation, spatial_masking, weighted_gradient
from imgredux.ops.protection import dilate, gaussian_blur
from imgredux.ops.strips import in_strips

EDGE_THRESHOLD = 0.5  # of the Canny detector: a share of the greatest gradient
PLANES = ((0.117, 0.3), (0.65, 0.25), (0.45, 0.2))  # beta and C of Y, Cb, Cr


class Yang2005(Estimator):
    """JND of Yang et al. (2005): `(B, C, H, W)` in [0, 1] to `(B, 1, H, W)` in its units; one map for all channels.

    formulation: "released" is `JND_pixel`, the MATLAB code that circulates as this model; "printed" follows the paper.
    They differ in texture masking (Chou and Li's, which depends on the background; beta G) and in how far and how much
    edges weaken it, and in what lies outside the image (black; the paper is silent: mirrored about the edge pixels).
    chroma: return a map `(B, 3, H, W)` of an RGB image whose planes are the thresholds of **Y, Cb and Cr**, not of R, G
    and B: they belong to `ops.rgb_to_ycbcr(x)`. A grey image still gets `(B, 1, H, W)`. Printed formulation only: the
    released code knows no colour.

    Gradients pass through everything but the edge detector.
    Raises ValueError for another formulation, and for chroma with the released one.
    """

    def __init__(self, *, formulation: Literal["released", "printed"] = "released", chroma: bool = False) -> None:
        super().__init__()
        if formulation not in ("released", "printed"):
            raise ValueError(f"formulation is {formulation!r}; choose released or printed")
        if chroma and formulation == "released":
            raise ValueError("the released code has no chroma: choose formulation='printed' with chroma=True")
        self._released, self._chroma = formulation == "released", chroma

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self._one(image) for image in x.split(1)])

    def _one(self, image: Tensor) -> Tensor:
        edges = canny(luma(image), EDGE_THRESHOLD)
        if self._released:
            L = 1 - 0.95 * dilate(edges, 11).to(image.dtype)  # strel("disk", 6, 6), which is a square
            return in_strips(released, torch.cat([image, L], dim=1), halo=3)
        L = 1 - 0.9 * edges.to(image.dtype)
        channels = image.shape[1] if self._chroma else 1
        compute = partial(printed, channels=channels)
        return in_strips(compute, torch.cat([image, L], dim=1), halo=3, border="reflect", channels=channels)


def released(planes: Tensor) -> Tensor:
    """JND `(B, 1, H, W)` in [0, 1] by `JND_pixel`, from an image and L, which is 0.05 near edges and 1 elsewhere."""
    y, W = 255 * luma(planes[:, :-1]), gaussian_blur(planes[:, -1:], 7, 0.8)
    bg = background(y)
    T_t = spatial_masking(weighted_gradient(y) * W, bg)
    return combine(luminance_adaptation(bg), T_t) / 255


def printed(planes: Tensor, channels: int) -> Tensor:
    """JND `(B, channels, H, W)` in [0, 1] of Y, or Y, Cb and Cr, by the paper, from an image and L, 0.1 on edges."""
    x, W = planes[:, :-1], gaussian_blur(planes[:, -1:], 7, 0.8)
    image = 255 * (luma(x) if channels == 1 else rgb_to_ycbcr(x))
    T_l = luminance_adaptation(background(image[:, :1]))
    G = (weighted_gradient(c) for c in image.split(1, dim=1))
    maps = [combine(T_l, beta * G_c * W, C) for G_c, (beta, C) in zip(G, PLANES, strict=False)]
    return torch.cat(maps, dim=1) / 255
