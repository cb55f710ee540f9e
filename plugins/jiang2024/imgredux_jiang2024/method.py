"""Rethinking and Conceptualizing Just Noticeable Difference Estimation by Residual Learning (Jiang et al.; TCSVT 2024).

The critical perceptual lossless image (CPL) is the most distorted one that nobody tells from the original. A network
learns it directly; the JND is what it differs by.
"""

from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from imgredux.methods.base import Estimator
from imgredux_jiang2024.network import RECURSIONS, WIDTH, Network, read_torch


class Jiang2024(Estimator):
    """JND of Jiang et al. (2024): `(B, 3, H, W)` in [0, 1] to `(B, 1, H, W)` in the same units, one for all channels.

    width, recursions: features, and passes through the same two convolutions; the authors' are 128 and 25.

    The map is the root mean square over R, G and B of CPL - I. Where the two are equal its gradient is taken to be
    zero. Differentiable; `critical` gives the CPL. The authors' weights: `imgredux.get("jiang2024", weights="x.pth")`.

    Raises ValueError for a width below 1, or another number of recursions than 1 to 25.
    """

    def __init__(self, *, width: int = WIDTH, recursions: int = RECURSIONS) -> None:
        super().__init__()
        if width < 1 or not 1 <= recursions <= RECURSIONS:
            raise ValueError(f"width is {width}, recursions {recursions}; give at least 1, and 1 to {RECURSIONS}")
        self.network = Network(width, recursions)

    @classmethod
    def read_weights(cls, path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The authors' network from their checkpoint (`.pth`), else what a safetensors file says.

        Raises WeightsError for a `.pth` file of something else.
        """
        if Path(path).suffix == ".pth":
            return {}, {f"network.{key}": value for key, value in read_torch(path).items()}
        return super().read_weights(path)

    def critical(self, x: Tensor) -> Tensor:
        """CPL, the image that is just not told from x: `(B, 3, H, W)` in [0, 1] to the same, not clipped."""
        return x + self._residual(x)

    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.vector_norm(self._residual(x), dim=1, keepdim=True) / 3**0.5

    def _residual(self, x: Tensor) -> Tensor:
        """CPL - I; one by one in eval mode, as the last bits of convolutions depend on how many images there are."""
        return self.network(x) if self.training else torch.cat([self.network(image) for image in x.split(1)])
