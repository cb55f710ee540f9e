"""A perceptually tuned subband image coder based on the measure of just-noticeable-distortion profile (Chou, Li; 1995).

A change hides behind the light around it, or behind the edges around it, whichever hides more. Grey levels 0..255:
bg is the background luminance, mg the greatest weighted gradient (G in the library's other models).
"""

from typing import Literal

import torch
from torch import Tensor

from imgredux.methods.base import Estimator
from imgredux.ops import masking
from imgredux.ops.color import luma
from imgredux.ops.masking import background, luminance_adaptation, spatial_masking, weighted_gradient
from imgredux.ops.strips import in_strips


class Chou1995(Estimator):
    """JND of Chou and Li (1995): `(B, C, H, W)` in [0, 1] to `(B, 1, H, W)` in its units; one map for all channels.

    combine: "max" as in the paper, JND = max(f1, f2); "namm" adds the two nonlinearly, f1 + f2 - 0.3 min(f1, f2), as
    later models and the code that circulates under the names of Chou and Li do.

    The paper is silent on borders: the image is mirrored about its edge pixels, so that no frame shows.
    Raises ValueError for another combine.
    """

    def __init__(self, *, combine: Literal["max", "namm"] = "max") -> None:
        super().__init__()
        ways = {"max": torch.maximum, "namm": masking.combine}
        if combine not in ways:
            raise ValueError(f"combine is {combine!r}; choose max or namm")
        self._combine = ways[combine]

    def forward(self, x: Tensor) -> Tensor:
        return in_strips(self._jnd, x, halo=2, border="reflect")

    def _jnd(self, x: Tensor) -> Tensor:
        p = luma(x) * 255
        bg, mg = background(p), weighted_gradient(p)
        f1 = spatial_masking(mg, bg)
        f2 = luminance_adaptation(bg)
        return self._combine(f1, f2) / 255
