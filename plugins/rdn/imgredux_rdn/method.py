"""Residual Dense Network for Image Restoration (Zhang, Tian, Kong, Zhong and Fu; TPAMI 2021, arXiv 2018)."""

from os import PathLike
from typing import Any

from torch import Tensor

from imgredux.methods.luma import LumaRestorer
from imgredux.methods.weights import is_checkpoint, read_checkpoint
from imgredux_rdn.network import BLOCKS, GROWTH, LAYERS, WIDTH, Network


class Rdn(LumaRestorer):
    """RDN: `(B, 1 or 3, H, W)` in [0, 1] to the same; of colour the network restores the JFIF luma.

    blocks, layers, growth, width: D, C, G and G0 of the paper: residual dense blocks, the convolutions in each, what
    each of these adds, and the features between blocks. The authors' are 16, 8, 64 and 64. project: as of
    `LumaRestorer`.

    `imgredux.get("rdn", weights="rdn.pth")` reads the names that RDN has in EDSR-PyTorch, with one convolution,
    `UPNet.0`, in place of its upsampling. The authors' own files are of Lua Torch, and are not read.
    """

    def __init__(
        self,
        *,
        blocks: int = BLOCKS,
        layers: int = LAYERS,
        growth: int = GROWTH,
        width: int = WIDTH,
        project: bool = True,
    ) -> None:
        super().__init__(Network(blocks, layers, growth, width), project)

    @classmethod
    def read_weights(cls, path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """A network from a checkpoint of torch, else what a safetensors file says. Raises WeightsError."""
        if not is_checkpoint(path):
            return super().read_weights(path)
        state = read_checkpoint(path)
        first = state["RDBs.0.convs.0.conv.0.weight"]
        options = {
            "blocks": sum(key.startswith("RDBs.") and key.endswith(".LFF.weight") for key in state),
            "layers": sum(key.startswith("RDBs.0.convs.") and key.endswith(".weight") for key in state),
            "growth": first.shape[0],
            "width": first.shape[1],
            "project": False,
        }
        return options, {f"network.{key}": tensor for key, tensor in state.items()}
