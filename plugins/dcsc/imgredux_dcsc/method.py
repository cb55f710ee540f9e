"""JPEG Artifacts Reduction via Deep Convolutional Sparse Coding (Fu, Zha, Wu, Ding and Paisley; ICCV 2019)."""

from os import PathLike
from typing import Any

from torch import Tensor

from imgredux.methods.luma import LumaRestorer
from imgredux_dcsc.network import ITERATIONS, WIDTH, Network, is_tensorflow, read_tensorflow


class Dcsc(LumaRestorer):
    """DCSC: `(B, 1 or 3, H, W)` in [0, 1] to the same; of colour the network restores the JFIF luma.

    width, iterations: features of the code, and steps of its optimisation, which share their weights; 128 and 40 are
    those of the authors' network. project: as of `LumaRestorer`.

    The authors' weights: `imgredux.get("dcsc", weights="model.data-00000-of-00001")`.
    """

    def __init__(self, *, width: int = WIDTH, iterations: int = ITERATIONS, project: bool = True) -> None:
        super().__init__(Network(width, iterations), project)

    @classmethod
    def read_weights(cls, path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The authors' network from their TensorFlow checkpoint, else what a safetensors file says.

        Raises WeightsError for a checkpoint of something else.
        """
        if is_tensorflow(path):
            return {"project": False}, {f"network.{key}": value for key, value in read_tensorflow(path).items()}
        return super().read_weights(path)
