"""unjpeg: the sliding DCT's estimate of a JPEG, corrected by a U-Net that knows the file's quantization table."""

from collections.abc import Sequence

import torch
from torch import Tensor

from imgredux import ops
from imgredux.kernels import traced
from imgredux.methods.restorer import Restorer, steps_of_each
from imgredux.methods.tiling import faded
from imgredux.ops.sliding import FACTORS, STRIP
from imgredux_unjpeg.network import Network, facts_of

ALIGN = 16  # tiles start on multiples of it: the blocks of luma and of halved chroma lie alike in all of them


class UnJpeg(Restorer):
    """unjpeg: `(B, 1 or 3, H, W)` in [0, 1] to the same; sides that are multiples of 16 (the core pads).

    widths, blocks: features and residual blocks of each level of the network, from the finest, which has half the
    image's resolution, to the coarsest. tile, overlap: side of the squares that the network sees, and how far they
    overlap, multiples of 16. project: put luma back into the quantization intervals of the file, block by block.

    `qtable`, the steps, is what the network is told: without it the image comes back as it is. In eval mode the image
    is computed tile by tile, each faded into the next, and clipped to [0, 1]. In training mode x is one tile, the
    result is neither projected nor clipped, and gradients reach every pixel. `.network` is the network alone.

    Raises ValueError for other values of the keywords.
    """

    unclipped = True

    def __init__(
        self,
        *,
        widths: Sequence[int] = (48, 96, 192),
        blocks: Sequence[int] = (2, 2, 2),
        tile: int = 384,
        overlap: int = 32,
        project: bool = True,
    ) -> None:
        super().__init__()
        if not 1 <= len(widths) == len(blocks) <= 4 or min(*widths, *blocks) < 1:
            raise ValueError(f"widths={widths}, blocks={blocks}: give one to four levels of both, of 1 or more")
        if tile % ALIGN or overlap % ALIGN or not 0 < 2 * overlap <= tile:
            raise ValueError(
                f"tile is {tile}, overlap {overlap}; give multiples of {ALIGN}, the overlap at most half a tile"
            )
        self.tile, self.overlap, self.projects = tile, overlap, project
        self.network = Network(widths, blocks)

    def forward(
        self,
        x: Tensor,
        *,
        qtable: Tensor | None = None,
        subsampling: str | None = None,
        project: bool | None = None,
    ) -> Tensor:
        """The restored batch.

        qtable: `(B, 2, 8, 8)`, or 1 for all, steps of luma and chroma; None: they are not known, and x is returned as
        it is. subsampling: of the chroma, as `ops.restored_chroma` takes it. project: in place of the constructor's.

        Raises ImageError for another shape of qtable, ValueError for another subsampling of a colour image.
        """
        if qtable is None:
            return x.clamp(0, 1)
        steps = steps_of_each(qtable, x)
        if x.shape[1] == 1:
            steps = steps[:, [0, 0]]  # whatever stands for chroma
        planes = planes_of(x)
        estimate = estimated(planes, steps, subsampling)
        told = facts_of(steps, halved(subsampling))
        y = estimate + self._change(torch.cat([planes, estimate], 1), told)
        if (self.projects if project is None else project) and not self.training:
            luma = ops.project(y[:, :1], planes[:, :1], steps[:, 0])
            y = torch.cat([luma, y[:, 1:]], 1)
        y = y[:, :1] if x.shape[1] == 1 else image_of(y)
        return y if self.training else y.clamp(0, 1)

    def _change(self, planes: Tensor, told: Tensor) -> Tensor:
        """What the network adds: of one tile in training, else of all tiles of image after image."""
        if self.training:
            return self.network(planes, told)
        tiles = self.tile, self.overlap, ALIGN
        changes = [
            faded(lambda parts, facts=facts: self.network(parts, facts.expand(len(parts), -1)), image, *tiles)
            for image, facts in zip(planes.split(1), told.split(1), strict=True)
        ]
        return torch.cat(changes)


def planes_of(x: Tensor) -> Tensor:
    """Y, Cb - 0.5 and Cr - 0.5 of images `(B, 1 or 3, H, W)`: `(B, 3, H, W)`, chroma 0 where there is none."""
    if x.shape[1] == 1:
        return torch.cat([x, torch.zeros_like(x).expand(-1, 2, -1, -1)], 1)
    luma, chroma = ops.rgb_to_ycbcr(x).split((1, 2), 1)
    return torch.cat([luma, chroma - 0.5], 1)


def image_of(planes: Tensor) -> Tensor:
    """RGB `(B, 3, H, W)` of planes as `planes_of` gives them, not clipped."""
    luma, chroma = planes.split((1, 2), 1)
    return ops.ycbcr_to_rgb(torch.cat([luma, chroma + 0.5], 1))


@torch.no_grad()
def estimated(planes: Tensor, steps: Tensor, subsampling: str | None = None, rows: int = STRIP) -> Tensor:
    """The sliding DCT's estimate of planes as `planes_of` gives them, of blocks that begin at (0, 0); no gradients.

    steps: `(B, 2, 8, 8)`. rows: as of `ops.sliding_dct`. Chroma that is 0, of grey images, stays so.
    """
    luma = ops.sliding_dct(planes[:, :1].contiguous(), steps[:, 0], rows=rows)
    chroma = planes[:, 1:].clone()
    if planes.device.type != "cpu" or traced():  # asking which are grey takes longer there than restoring all
        return torch.cat([luma, ops.restored_chroma(chroma, steps[:, 1], subsampling, rows=rows)], 1)
    colored = chroma.flatten(1).any(1)
    if colored.any():
        chroma[colored] = ops.restored_chroma(chroma[colored], steps[colored, 1], subsampling, rows=rows)
    return torch.cat([luma, chroma], 1)


def halved(subsampling: str | None) -> tuple[bool, bool]:
    """Whether chroma has half the image's resolution, or less, down and across."""
    factors = FACTORS.get("4:2:0" if subsampling is None else subsampling, (1, 1))
    down, across = factors or (1, 4)
    return down > 1, across > 1
