"""Networks that restore luma, on images with or without colour."""

import torch
from torch import Tensor, nn

from imgredux.ops.color import luma, rgb_to_ycbcr, with_luma, ycbcr_to_rgb
from imgredux.ops.quantization import project
from imgredux.ops.sliding import restored_chroma


def on_luma(network: nn.Module, x: Tensor, qtable: Tensor | None = None, subsampling: str | None = None) -> Tensor:
    """The image `x`, `(B, 1 or 3, H, W)` in [0, 1], with its JFIF luma put through `network`.

    network: `(B, 1, H, W)` to the same. qtable, subsampling: what the file says, as `with_restored_luma` takes it; None
    where nothing is to be put back, and Cb and Cr are kept.

    In eval mode of the network the result is clipped to [0, 1], and images go one by one: the last bits of convolutions
    depend on how many there are. In training mode it is one batch, and not clipped: gradients reach every pixel.
    """
    decoded = luma(x)
    restored = network(decoded) if network.training else torch.cat([network(image) for image in decoded.split(1)])
    y = with_restored_luma(x, restored, qtable, subsampling)
    return y if network.training else y.clamp(0, 1)


def with_restored_luma(
    x: Tensor, restored: Tensor, qtable: Tensor | None = None, subsampling: str | None = None
) -> Tensor:
    """The JPEG image `x`, `(B, 1 or 3, H, W)` in [0, 1], with its luma `restored`, `(B, 1, H, W)`, its chroma too.

    qtable: `(B, 2, 8, 8)`, to put luma back into the quantisation intervals that the luma of `x` comes from, and to
    restore Cb and Cr by `restored_chroma`, with the file's `subsampling`. None: luma stays as it is given, Cb and Cr as
    they are.

    Not clipped. Gradients pass through luma; what restoration changes in Cb and Cr is computed without, and held. With
    qtable, a pixel looks 7 pixels farther than those of `restored` do, and 30 far in chroma; tiles begin on multiples
    of 16.

    Raises ValueError for shapes that do not fit, and for an unknown subsampling of a colour image.
    """
    if qtable is None:
        return with_luma(x, restored)
    restored = project(restored, luma(x), qtable[:, 0])
    if x.shape[1] == 1:
        return restored
    chroma = restored_chroma(rgb_to_ycbcr(x)[:, 1:], qtable[:, 1], subsampling)
    return ycbcr_to_rgb(torch.cat([restored, chroma], 1))
