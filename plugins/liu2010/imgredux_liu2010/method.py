"""Just noticeable difference for images with decomposition model for separating edge and textured regions (Liu et al.).

The image f is split into structure u, which holds its edges, and texture v = f - u. Both mask, texture about twice as
much: it hides a change better than an edge of the same contrast. Grey levels 0..255.
"""

from typing import Literal

import torch
from torch import Tensor

from imgredux.methods.base import Estimator
from imgredux.ops.color import luma
from imgredux.ops.masking import background, combine, luminance_adaptation, spatial_masking, weighted_gradient
from imgredux.ops.strips import in_strips
from imgredux_liu2010.decomposition import structure

LAMBDA = 0.8


class Liu2010(Estimator):
    """JND of Liu et al. (2010): `(B, C, H, W)` in [0, 1] to `(B, 1, H, W)` in its units; one map for all channels.

    formulation: "released" follows the authors' code, "printed" the paper. They differ in contrast masking (Chou and
    Li's of each part, held to 0..10 grey levels, times 0.7 and 1.4; 0.117 (C_u + 3 C_v)) and in what lies outside the
    image (black; the paper is silent: mirrored about the edge pixels).
    iterations: of the solver that splits the image. 200 leave the energy within 0.3 % of its minimum.

    Not differentiable. The whole image is split at once: expect about a megapixel per second on one
    CPU core, and five with numba (`pip install imgredux[fast]`).
    Raises ValueError for another formulation and for less than one iteration.
    """

    def __init__(self, *, formulation: Literal["released", "printed"] = "released", iterations: int = 200) -> None:
        super().__init__()
        if formulation not in ("released", "printed"):
            raise ValueError(f"formulation is {formulation!r}; choose released or printed")
        if iterations < 1:
            raise ValueError(f"iterations is {iterations}; the solver needs at least 1, and 200 for a faithful map")
        self._released = formulation == "released"
        self.iterations = iterations

    def forward(self, x: Tensor) -> Tensor:
        jnd = x.new_empty(x.shape[0], 1, *x.shape[-2:])
        for image, plane in zip(x.split(1), jnd.split(1), strict=True):
            parts = image.new_empty(1, 2, *image.shape[-2:])
            u, f = parts.split(1, dim=1)
            structure(torch.mul(luma(image), 255, out=f), LAMBDA, self.iterations, out=u)
            if self._released:
                in_strips(_released, parts, halo=2, out=plane)
            else:
                in_strips(_printed, parts, halo=2, border="reflect", out=plane)
        return jnd


def _released(parts: Tensor) -> Tensor:
    """JND in [0, 1] by the authors' code."""
    u, f = parts.split(1, dim=1)
    bg = background(f)
    E_u, E_v = (spatial_masking(weighted_gradient(part), bg).clamp_(0, 10) for part in (u, f - u))
    CM = 0.7 * E_u + 1.4 * E_v
    return combine(luminance_adaptation(bg), CM).div_(255)


def _printed(parts: Tensor) -> Tensor:
    """JND in [0, 1] by the paper."""
    u, f = parts.split(1, dim=1)
    CM = 0.117 * (weighted_gradient(u) + 3 * weighted_gradient(f - u))
    return combine(luminance_adaptation(background(f)), CM).div_(255)
