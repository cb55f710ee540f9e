"""The spatial JND profile of Chou and Li (1995)."""

import torch
from torch import Tensor

from imgredux import Estimator, ops


class GradMask(Estimator):
    """The greater of gradient masking and luminance adaptation, `(B, C, H, W)` in [0, 1] to `(B, 1, H, W)`.

    slope: how much a gradient hides, the paper's lambda.
    """

    def __init__(self, slope: float = 0.5) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        y = 255 * ops.luma(x)
        bg = ops.background(y, border="replicate")
        mg = ops.weighted_gradient(y, border="replicate")
        alpha = 0.0001 * bg + 0.115
        beta = self.slope - 0.01 * bg
        f1 = mg * alpha + beta
        f2 = ops.luminance_adaptation(bg)
        return torch.maximum(f1, f2) / 255
