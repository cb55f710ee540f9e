"""flatzone: screenshots, text, drawings and pixel art, drawn flat within what their JPEG allows."""

import torch
from torch import Tensor

from imgredux import ops
from imgredux.methods.restorer import Restorer, steps_of_each
from imgredux.methods.tiling import in_tiles
from imgredux.ops.flatzones import flat_chroma, flat_luma

TILE, HALO = 1024, 96


class FlatZone(Restorer):
    """flatzone: `(B, 1 or 3, H, W)` in [0, 1] to the same, without weights, for graphics of flat zones and sharp edges.

    Photographs gain little by it. Images larger than 1,024 pixels are computed in tiles that see 96 pixels around them.
    """

    unclipped = True

    @torch.no_grad()
    def forward(self, x: Tensor, *, qtable: Tensor | None = None, subsampling: str | None = None) -> Tensor:
        """The restored batch.

        qtable: `(B, 2, 8, 8)`, or 1 for all, steps of luma and chroma; None: they are not known, and x is returned as
        it is. subsampling: of the chroma, as `ops.restored_chroma` takes it.

        Raises ImageError for another shape of qtable, ValueError for another subsampling of a colour image.
        """
        if qtable is None:
            return x.clamp(0, 1)
        done = []
        for image, steps in zip(x.split(1), steps_of_each(qtable, x).split(1), strict=True):
            large = max(x.shape[-2:]) > TILE

            def run(part: Tensor, steps: Tensor = steps) -> Tensor:
                return drawn(part, steps, subsampling)

            done.append(in_tiles(run, image, TILE, 16, HALO) if large else run(image))
        return torch.cat(done).clamp(0, 1)


def drawn(x: Tensor, steps: Tensor, subsampling: str | None) -> Tensor:
    """One image `(1, C, H, W)`, not clipped; steps `(1, 2, 8, 8)`."""
    if x.shape[1] == 1:
        return flat_luma(x.contiguous(), steps[:, 0])
    luma, chroma = ops.rgb_to_ycbcr(x).split((1, 2), 1)
    luma = flat_luma(luma.contiguous(), steps[:, 0])
    return ops.ycbcr_to_rgb(torch.cat([luma, flat_chroma(chroma, steps[:, 1], luma, subsampling)], 1))
