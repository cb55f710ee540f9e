"""Maps that know nothing of vision. A model that spreads noise no better than these has learnt nothing."""

import math

import numpy as np
import torch
from torch import Tensor

from imgredux.methods.base import Estimator
from imgredux.ops.color import luma
from imgredux.ops.masking import busyness, local_std


class Flat(Estimator):
    """J = 1 grey level everywhere: `(B, C, H, W)` in [0, 1] to `(B, 1, H, W)`, 1/255. Its gradient is zero."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :1].mul(0).add_(1 / 255)


class LocalStd(Estimator):
    """J = 1 + standard deviation of luma in 5x5 pixels, in grey levels: `(B, C, H, W)` in [0, 1] to `(B, 1, H, W)`/255.

    The deviation is that of the 25 pixels themselves (divided by 25, not 24), mirrored about the edge pixels so that no
    border shows. Its slope is infinite where it is zero; there the gradient is taken to be zero.
    """

    def forward(self, x: Tensor) -> Tensor:
        return busyness(x)


class LocalStd15(LocalStd):
    """J = (1 + standard deviation of luma in 5x5 pixels)^1.5, in grey levels; shapes and gradient as of `LocalStd`.

    It trades errors in quiet places for errors in busy places: at equal noise it is packed more tightly.
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).mul(255).pow(1.5).div(255)


class Concentrated(Estimator):
    """J = 1 grey level where luma varies most, else 0: `(B, C, H, W)` in [0, 1] to `(B, 1, H, W)`, 1/255 or 0.

    share: of each image's pixels that are chosen, in (0, 1]: the ceil(share H W) with the highest variance in 15x15
    pixels, mirrored about the edge pixels. All pixels that tie with the last of these are chosen too, so that the map
    depends on no order of pixels; a flat image is one tie, and has 1 grey level everywhere. Not differentiable.

    This map is there to show a weakness of the protocol of equal noise, which rewards it. Raises ValueError for another
    share.
    """

    def __init__(self, *, share: float = 0.02) -> None:
        super().__init__()
        if not 0 < share <= 1:
            raise ValueError(f"share is {share}; choose a share of the pixels above 0 and up to 1")
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        jnd = x.new_empty(x.shape[0], 1, *x.shape[-2:])
        for image, plane in zip(x.split(1), jnd.split(1), strict=True):
            deviation = local_std(luma(image) * 255, 15, border="reflect")  # in the order of the variance
            torch.ge(deviation, self._least(deviation), out=plane).div_(255)
        return jnd

    def _least(self, values: Tensor) -> float:
        """The smallest of the chosen values."""
        rank = values.numel() - math.ceil(self.share * values.numel())
        return float(np.partition(values.cpu().numpy(), rank, axis=None)[rank])
