"""Initial values that let the network of the head "paper" learn: not in the paper, which is silent about them.

With those of the constructor the factor of eq. 23 is 0, and all parts but one get no gradient; opened, it passes
features without sign, of which no detail can be made. Here I_out begins as I_ori with the factor open, the image and
its features enter as details of both signs, and what the spatial branch and the activator add begins at zero.
"""

import torch
from torch import Tensor, nn

from imgredux_ddjnd.decoder import MA, MI
from imgredux_ddjnd.network import Network
from imgredux_ddjnd.spatial import SPI, Parallel

ONE = 1.1446  # GELU of it is 1
QUIET = 0.01


@torch.no_grad()
def start(network: Network) -> None:
    """Give a fresh network of the head "paper" these values, module by module, where it has the paper's modules."""
    if isinstance(network.mi, MI):
        _start_mi(network.mi)
    if isinstance(network.ma, MA):
        for layer in network.ma.convs[1:]:
            _center(layer.get_parameter("weight"))
    if isinstance(network.spi, SPI):
        _start_spi(network.spi)
    else:
        _center(network.spi.weight)


def _start_mi(mi: MI) -> None:
    """(A + O) G of eq. 23: G open, O of the details of each channel, A and O at zero."""
    nn.init.ones_(mi.detail_bn.weight)
    nn.init.zeros_(mi.activation.weight)
    assert mi.activation.bias is not None
    nn.init.zeros_(mi.activation.bias)
    nn.init.zeros_(mi.image_bn.weight)
    kernel = mi.image.weight.zero_()
    for plane in range(min(kernel.shape[:2])):
        kernel[plane, plane] = -1 / 9
        kernel[plane, plane, 1, 1] += 1


def _start_spi(spi: SPI) -> None:
    """F_s begins as details of the image in pairs of either sign, which GELU passes: GELU(x) - GELU(-x) = x."""
    for stream in (spi.spd.gbl, spi.spd.lcl):
        for depth, parallel in enumerate(stream):
            assert isinstance(parallel, Parallel)
            first = 0
            for scale in parallel.scales:
                weight = _weight_of(scale)
                if depth == 0:
                    _center(weight)
                    weight[1::2] = -weight[::2]
                else:
                    _pass_pairs(weight, first)
                first += len(weight)
    for stream in (spi.spb.gbl, spi.spb.lcl):
        for block in stream:
            _weight_of(block.get_submodule("row")).zero_()
    enhance = spi.spb.enhance[0]
    width, first = len(enhance.get_parameter("weight")), 0
    for number, scale in enumerate(spi.spb.adjust.scales):  # half of the channels from either stream
        weight = _weight_of(scale)
        _pass_pairs(weight, first + number * width)
        first += len(weight)
    enhance.get_parameter("weight").mul_(QUIET)
    nn.init.constant_(enhance.get_parameter("bias"), ONE)
    nn.init.zeros_(spi.sha.v.weight)


def _weight_of(block: nn.Module) -> Tensor:
    """The kernel of a convolution with its GELU."""
    return block.get_parameter("0.weight")


def _center(weight: Tensor) -> None:
    """Take the mean out of each kernel, so that flat areas give 0; kernels of one number stay as they are."""
    if weight[0, 0].numel() > 1:
        weight -= weight.mean((2, 3), keepdim=True)


def _pass_pairs(weight: Tensor, first: int) -> None:
    """Output channels 2 i and 2 i + 1 of `(O, I, h, w)`: the difference of inputs `first` + 2 i and + 1, and back."""
    noise = weight.mul_(QUIET)
    row, column = (side // 2 for side in noise.shape[2:])
    for channel in range(len(noise)):
        pair = first + channel - channel % 2
        sign = 1 - 2 * (channel % 2)
        noise[channel, pair, row, column] += sign
        noise[channel, pair + 1, row, column] -= sign
