"""Restored luma put into images with or without colour."""

import torch
from torch import Tensor

from imgredux.ops.color import luma, rgb_to_ycbcr, with_luma, ycbcr_to_rgb
from imgredux.ops.quantization import project
from imgredux.ops.sliding import restored_chroma


def with_restored_luma(
    x: Tensor,
    restored: Tensor,
    qtable: Tensor | None = None,
    subsampling: str | None = None,
    projected: bool = True,
) -> Tensor:
    """The JPEG image `x`, `(B, 1 or 3, H, W)` in [0, 1], with its luma `restored`, `(B, 1, H, W)`, its chroma too.

    qtable: `(B, 2, 8, 8)`, to put luma back into the quantisation intervals that the luma of `x` comes from, where it
    is to be `projected`, and to restore Cb and Cr by `restored_chroma`, with the file's `subsampling`. None: luma stays
    as it is given, Cb and Cr as they are.

    Not clipped. Gradients pass through luma; what restoration changes in Cb and Cr is computed without, and held. With
    qtable, a pixel looks 7 pixels farther than those of `restored` do, and 30 far in chroma; tiles begin on multiples
    of 16.

    Raises ValueError for shapes that do not fit, and for an unknown subsampling of a colour image.
    """
    if qtable is None:
        return with_luma(x, restored)
    if projected:
        restored = project(restored, luma(x), qtable[:, 0])
    if x.shape[1] == 1:
        return restored
    chroma = restored_chroma(rgb_to_ycbcr(x)[:, 1:], qtable[:, 1], subsampling)
    return ycbcr_to_rgb(torch.cat([restored, chroma], 1))
