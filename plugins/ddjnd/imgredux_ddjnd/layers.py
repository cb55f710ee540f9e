"""Layers that all parts of the network are made of."""

from typing import Literal

from torch import Tensor, nn

from imgredux.methods.base import HALVES

Padding = Literal["reflect", "replicate", "zeros"]


def conv(
    inputs: int, outputs: int, size: int | tuple[int, int], padding: Padding = "zeros", bias: bool = True
) -> nn.Conv2d:
    """A convolution that keeps height and width; size: an odd side, or two."""
    height, width = size if isinstance(size, tuple) else (size, size)
    mode = "zeros" if height == width == 1 else padding
    return nn.Conv2d(inputs, outputs, (height, width), padding=(height // 2, width // 2), padding_mode=mode, bias=bias)


def conv_gelu(inputs: int, outputs: int, size: int | tuple[int, int], padding: Padding) -> nn.Sequential:
    """CG_k, GB_k and LB_k of the paper: a convolution and GELU."""
    return nn.Sequential(conv(inputs, outputs, size, padding), nn.GELU())


def he(module: nn.Module) -> None:
    """Initial weights of He et al. (2015) and zero biases; with torch's own, products of features start near zero."""
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def widened(x: Tensor) -> Tensor:
    """x in at least float32, for sums over many pixels under mixed precision."""
    return x.float() if x.dtype in HALVES else x
