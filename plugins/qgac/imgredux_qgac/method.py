"""Quantization Guided JPEG Artifact Correction (Ehrlich, Davis, Lim and Shrivastava; ECCV 2020)."""

from os import PathLike
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from imgredux import ops
from imgredux.methods.restorer import Restorer, steps_of_each
from imgredux.methods.tiling import in_tiles
from imgredux.methods.weights import is_checkpoint, read_checkpoint
from imgredux_qgac.network import Crab, Qgac2020
from imgredux_qgac.statistics import DEVIATIONS, MEANS

TILE, REACH = 2048, 560  # side of a tile, and how far a pixel of chroma sees: 35 blocks of 16
MOST = 255  # a quantisation step; the network sees steps in 0..1


class Qgac(Restorer):
    """QGAC: `(B, 1 or 3, H, W)` in [0, 1] to the same, from the coefficients and the steps of the file.

    variant: "crab", the network of the authors' later paper (ICCV Workshops 2021), simpler and a third as large, or
    "2020", that of the paper. width, chroma_width: features of a block of luma, and of chroma. project: put luma back
    into the quantisation intervals of the file.

    Without `qtable` the image comes back as it is: the network is made from it. Its chroma is that of 4:2:0; of files
    with other chroma the network restores luma, and `ops.restored_chroma` chroma. Images go one by one in eval mode,
    large ones in tiles that see all they would see in the whole, and the result is clipped to [0, 1].

    Checkpoints of m3l, the author's re-implementation: `imgredux.get("qgac", weights="qgac.pth")`, a state dict.
    Raises ValueError for another variant.
    """

    def __init__(
        self,
        *,
        variant: Literal["crab", "2020"] = "crab",
        width: int = 256,
        chroma_width: int = 32,
        project: bool = True,
    ) -> None:
        super().__init__()
        if variant not in ("crab", "2020"):
            raise ValueError(f"variant is {variant!r}; choose 'crab' or '2020'")
        self.projects = project
        self.network = (Crab if variant == "crab" else Qgac2020)(width, chroma_width)
        means, deviations = torch.zeros(3, 8, 8), torch.tensor(DEVIATIONS)
        means[:, 0, 0] = torch.tensor(MEANS)
        self.register_buffer("_means", means, persistent=False)
        self.register_buffer("_deviations", deviations, persistent=False)

    @classmethod
    def read_weights(cls, path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The author's network from a checkpoint of m3l, else what a safetensors file says. Raises WeightsError."""
        if not is_checkpoint(path):
            return super().read_weights(path)
        state = read_checkpoint(path)
        crab = "block_y.bias_transfrom.weight" in state
        luma, chroma = ("block_y", "block_c") if crab else ("blocks_encode.block", "color_net.block_c")
        options = {
            "variant": "crab" if crab else "2020",
            "width": state[f"{luma}.bias_transfrom.weight"].shape[0],
            "chroma_width": state[f"{chroma}.bias_transfrom.weight"].shape[0],
            "project": False,
        }
        return options, {f"network.{key}": tensor for key, tensor in state.items()}

    def forward(
        self,
        x: Tensor,
        *,
        qtable: Tensor | None = None,
        subsampling: str | None = None,
        project: bool | None = None,
    ) -> Tensor:
        """The restored batch.

        qtable: `(B, 2, 8, 8)`, or 1 for all, steps of luma and chroma. subsampling: of the chroma. project: in place
        of the constructor's. Raises ImageError for another shape of qtable.
        """
        if qtable is None:
            return x.clamp(0, 1)
        steps, size = steps_of_each(qtable, x), x.shape[-2:]
        x = F.pad(x, (0, -size[1] % 16, 0, -size[0] % 16), mode="replicate")
        if self.training:
            y = self._restored(x, steps, subsampling)
        else:
            pairs = zip(x.split(1), steps.split(1), strict=True)
            y = torch.cat([self._tiled(image, one, subsampling) for image, one in pairs])
        if (self.projects if project is None else project) and not self.training:
            y = torch.cat([ops.project(y[:, :1], ops.luma(x), steps[:, 0]), y[:, 1:]], 1)
        y = (y if x.shape[1] == 1 else ops.ycbcr_to_rgb(y))[..., : size[0], : size[1]]
        return y if self.training else y.clamp(0, 1)

    def _tiled(self, x: Tensor, steps: Tensor, subsampling: str | None) -> Tensor:
        if max(x.shape[-2:]) <= TILE:
            return self._restored(x, steps, subsampling)
        return in_tiles(lambda part: self._restored(part, steps, subsampling), x, TILE, 16, REACH)

    def _restored(self, x: Tensor, steps: Tensor, subsampling: str | None) -> Tensor:
        """Luma, and chroma where there is any, `(B, 1 or 3, H, W)`."""
        q, q_chroma = (steps / MOST).split(1, 1)
        luma = self.network.luma(q, self._normalized(ops.luma(x), 0))
        y = self._denormalized(luma, 0)
        if x.shape[1] == 1:
            return y
        chroma = ops.rgb_to_ycbcr(x)[:, 1:]
        if subsampling not in (None, "4:2:0"):
            return torch.cat([y, ops.restored_chroma(chroma, steps[:, 1], subsampling)], 1)
        stored = self._normalized(F.avg_pool2d(chroma, 2), 1)
        return torch.cat([y, self._denormalized(self.network.chroma(q, luma, q_chroma, stored), 1)], 1)

    def _normalized(self, planes: Tensor, first: int) -> Tensor:
        """Coefficients, less their means, over their deviations: of Y from 0 on, of Cb and Cr from 1 on."""
        means, deviations = self._spread(planes, first)
        return (ops.dct(255 * planes - 128) - means) / deviations

    def _denormalized(self, coefficients: Tensor, first: int) -> Tensor:
        means, deviations = self._spread(coefficients, first)
        return (ops.idct(coefficients * deviations + means) + 128) / 255

    def _spread(self, planes: Tensor, first: int) -> tuple[Tensor, Tensor]:
        """Means and deviations as planes of blocks, of the size of these."""
        repeats = (1, planes.shape[-2] // 8, planes.shape[-1] // 8)
        own = slice(first, first + planes.shape[1])
        means, deviations = (held[own].repeat(repeats) for held in map(self.get_buffer, ("_means", "_deviations")))
        return means.to(planes), deviations.to(planes)
