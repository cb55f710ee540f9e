"""Thresholding of the DCT of sliding windows, and projection on what the JPEG file says of the image.

Luma, and chroma at the size that the file stores, go through one primitive, `imgredux.ops.sliding`, which says how.
"""

import torch
from torch import Tensor

from imgredux import ops
from imgredux.methods.restorer import Restorer, steps_of_each
from imgredux.ops.sliding import HALF, KAPPA


class SlidingDCT(Restorer):
    """Sliding-window DCT hard thresholding, then projection on the quantisation constraint; needs no training.

    kappa: coefficients below about this many quantisation steps are dropped.
    half: how far, in steps, a coefficient of the result may be from the file's; 0.5 is what quantisation allows.
    stride: between windows, in pixels: 1 takes all 64 shifts, 2 takes 16 and 4 takes 4, which is faster.

    Raises ValueError for other strides, and for kappa or half that are negative.
    """

    unclipped = True

    def __init__(self, *, kappa: float = KAPPA, half: float = HALF, stride: int = 1) -> None:
        super().__init__()
        if min(kappa, half) < 0 or stride not in (1, 2, 4):
            raise ValueError(f"kappa={kappa}, half={half}, stride={stride}: at least 0 both, and a stride of 1, 2 or 4")
        self.kappa, self.half_width, self.stride = kappa, half, stride

    @torch.no_grad()
    def forward(self, x: Tensor, *, qtable: Tensor | None = None, subsampling: str | None = None) -> Tensor:
        """The restored batch, `(B, 1 or 3, H, W)` in [0, 1] as `x`.

        qtable: `(B, 2, 8, 8)`, or 1 for all, steps of luma and chroma; None: they are not known, and x is returned as
        it is. subsampling: of the chroma, as `ops.restored_chroma` takes it.

        Raises ImageError for another shape of qtable, ValueError for another subsampling of a colour image.
        """
        if qtable is None:
            return x.clamp(0, 1)
        luma_steps, chroma_steps = steps_of_each(qtable, x).unbind(1)
        chosen = {"kappa": self.kappa, "half": self.half_width, "stride": self.stride}
        if x.shape[1] == 1:
            return ops.sliding_dct(x, luma_steps, **chosen).clamp_(0, 1)
        luma, chroma = ops.rgb_to_ycbcr(x).split((1, 2), 1)
        luma = ops.sliding_dct(luma, luma_steps, **chosen)
        chroma = ops.restored_chroma(chroma, chroma_steps, subsampling, **chosen)
        return ops.ycbcr_to_rgb(torch.cat([luma, chroma], 1)).clamp_(0, 1)
