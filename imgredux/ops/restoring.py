"""Networks that restore luma, on pictures with or without colour."""

import torch
from torch import Tensor, nn

from imgredux.ops.color import luma, with_luma
from imgredux.ops.quantisation import project


def on_luma(network: nn.Module, x: Tensor, qtable: Tensor | None = None) -> Tensor:
    """The picture `x`, `(B, 1 or 3, H, W)` in [0, 1], with its JFIF luma put through `network`, its Cb and Cr kept.

    network: `(B, 1, H, W)` to the same. qtable: `(B, 2, 8, 8)`, to put the result back into the quantisation intervals
    that the luma of `x` comes from; None where nothing is to be put back.

    In eval mode of the network the result is clipped to [0, 1], and images go one by one: the last bits of convolutions
    depend on how many there are. In training mode it is one batch, and not clipped: gradients reach every pixel.
    """
    decoded = luma(x)
    restored = network(decoded) if network.training else torch.cat([network(image) for image in decoded.split(1)])
    if qtable is not None:
        restored = project(restored, decoded, qtable[:, 0])
    y = with_luma(x, restored)
    return y if network.training else y.clamp(0, 1)
