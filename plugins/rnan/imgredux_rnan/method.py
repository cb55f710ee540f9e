"""Residual Non-local Attention Networks for Image Restoration (Zhang, Li, Li, Zhong and Fu; ICLR 2019)."""

from os import PathLike
from typing import Any

from torch import Tensor

from imgredux.methods.luma import LumaRestorer
from imgredux.methods.tiling import faded
from imgredux.methods.weights import is_checkpoint, read_checkpoint
from imgredux_rnan.network import GROUPS, WIDTH, Network

ALIGN = 8


class Rnan(LumaRestorer):
    """RNAN: `(B, 1 or 3, H, W)` in [0, 1] to the same; of colour the network restores the JFIF luma.

    groups, width: attention groups, of which the first and the last are non-local, and features; 10 and 64 are the
    authors'. tile, overlap: side of the squares that the network sees, and how far they overlap, multiples of 8: a
    pixel attends to every other of its square. The authors' test script quarters an image until its parts have less
    than 10,000 pixels. project: as of `LumaRestorer`.

    In eval mode the image is computed tile by tile, each faded into the next. In training mode x is one tile. The
    authors' weights: `imgredux.get("rnan", weights="RNAN_CAR_Y_F64G10P48L2N10.pt")`.

    Raises ValueError for other values of the keywords.
    """

    def __init__(
        self, *, groups: int = GROUPS, width: int = WIDTH, tile: int = 96, overlap: int = 24, project: bool = True
    ) -> None:
        if groups < 2 or width < 2 or width % 2:
            raise ValueError(f"groups is {groups}, width {width}; give 2 groups or more and an even width")
        if tile % ALIGN or overlap % ALIGN or not 0 < 2 * overlap <= tile:
            raise ValueError(
                f"tile is {tile}, overlap {overlap}; give multiples of {ALIGN}, the overlap at most half a tile"
            )
        super().__init__(Network(groups, width), project)
        self.tile, self.overlap = tile, overlap

    @classmethod
    def read_weights(cls, path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The authors' network from their checkpoint, else what a safetensors file says. Raises WeightsError."""
        if not is_checkpoint(path):
            return super().read_weights(path)
        state = read_checkpoint(path)
        local = {key.split(".")[1] for key in state if key.startswith("body.") and ".body." in key}
        options = {"groups": len(local) + 2, "width": state["head.0.weight"].shape[0], "project": False}
        return options, {f"network.{key}": tensor for key, tensor in state.items()}

    def restored(self, luma: Tensor) -> Tensor:
        return self.network(luma) if self.training else faded(self.network, luma, self.tile, self.overlap, ALIGN)
