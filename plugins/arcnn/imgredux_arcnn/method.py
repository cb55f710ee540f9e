"""Compression Artifacts Reduction by a Deep Convolutional Network (Dong, Deng, Loy, Tang; ICCV 2015)."""

from os import PathLike
from pathlib import Path
from typing import Any

from torch import Tensor

from imgredux.methods.luma import LumaRestorer
from imgredux_arcnn.network import Network, read_mat


class ArCnn(LumaRestorer):
    """AR-CNN: `(B, 1 or 3, H, W)` in [0, 1] to the same; of colour the network restores the JFIF luma.

    residual: the network predicts what is to be added to luma. The authors' network predicts luma itself (False).
    project: as of `LumaRestorer`. The authors' weights: `imgredux.get("arcnn", weights="q10.mat")`.
    """

    clips = False

    def __init__(self, *, residual: bool = True, project: bool = True) -> None:
        super().__init__(Network(residual), project)

    @classmethod
    def read_weights(cls, path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The authors' network from their file (`.mat`), else what a safetensors file says.

        Raises WeightsError for a `.mat` file of something else.
        """
        if Path(path).suffix == ".mat":
            options = {"residual": False, "project": False}
            return options, {f"network.{key}": value for key, value in read_mat(path).items()}
        return super().read_weights(path)
