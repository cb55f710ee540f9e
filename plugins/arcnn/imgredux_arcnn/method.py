"""Compression Artifacts Reduction by a Deep Convolutional Network (Dong, Deng, Loy, Tang; ICCV 2015)."""

from os import PathLike
from pathlib import Path
from typing import Any

from torch import Tensor

from imgredux import ops
from imgredux.methods.restorer import Restorer
from imgredux_arcnn.network import Network, read_mat


class ArCnn(Restorer):
    """AR-CNN: `(B, 1 or 3, H, W)` in [0, 1] to the same; of colour the network restores the JFIF luma.

    residual: the network predicts what is to be added to luma. The authors' network predicts luma itself (False).
    project: where `qtable` is known, put the result back into the quantisation intervals of the file, block by block,
    and restore Cb and Cr without a network (`ops.restored_chroma`). Else Cb and Cr are kept.

    Clips to [0, 1] in eval mode only, so that gradients reach every pixel in training. Training code needs no more than
    `.network`, luma to luma. The authors' weights: `imgredux.get("arcnn", weights="q10.mat")`.
    """

    def __init__(self, *, residual: bool = True, project: bool = True) -> None:
        super().__init__()
        self.project = project
        self.network = Network(residual)

    @classmethod
    def read_weights(cls, path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The authors' network from their file (`.mat`), else what a safetensors file says.

        Raises WeightsError for a `.mat` file of something else.
        """
        if Path(path).suffix == ".mat":
            options = {"residual": False, "project": False}
            return options, {f"network.{key}": value for key, value in read_mat(path).items()}
        return super().read_weights(path)

    def forward(self, x: Tensor, *, qtable: Tensor | None = None, subsampling: str | None = None) -> Tensor:
        return ops.on_luma(self.network, x, qtable if self.project else None, subsampling)
