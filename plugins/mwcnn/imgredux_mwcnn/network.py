"""Both networks of MWCNN: U-Nets whose halving and doubling is the Haar wavelet, which loses nothing."""

import torch
from torch import Tensor, nn

_SMALL = 1e-3  # deviation of the last layer's initial weights: a fresh network changes little


def halved(x: Tensor) -> Tensor:
    """The orthonormal Haar wavelet: `(B, C, H, W)` to `(B, 4 C, H/2, W/2)`, all C of LL, then those of HL, LH, HH.

    HL is what changes across, LH what changes down.
    """
    a, b, c, d = (x[..., i::2, j::2] / 2 for j in (0, 1) for i in (0, 1))
    return torch.cat([a + b + c + d, c + d - a - b, b + d - a - c, a + d - b - c], 1)


def doubled(x: Tensor) -> Tensor:
    """The inverse of `halved`."""
    ll, hl, lh, hh = (x / 2).chunk(4, 1)
    columns = [
        torch.stack([ll - hl - lh + hh, ll - hl + lh - hh], -2),
        torch.stack([ll + hl - lh - hh, ll + hl + lh + hh], -2),
    ]
    return torch.stack(columns, -1).flatten(-4, -3).flatten(-2)


class First(nn.Module):
    """Luma `(B, 1, H, W)` in [0, 1], sides multiples of 8, to the same, not clipped: the network of 2018.

    Four 3x3 convolutions on each of three levels down and up, the first level on the wavelet of the image; skips are
    added. 16,145,892 parameters at a width of 160 without batch_norm.
    """

    def __init__(self, width: int, batch_norm: bool) -> None:
        super().__init__()
        fine, coarse = width, 8 * width // 5  # 160 and 256
        self.down = nn.ModuleList(
            [
                _convolutions((4, fine, fine, fine, fine), batch_norm, first=True),
                _convolutions((4 * fine, coarse, coarse, coarse, coarse), batch_norm),
                _convolutions((4 * coarse, coarse, coarse, coarse, coarse), batch_norm),
            ]
        )
        self.up = nn.ModuleList(
            [
                _convolutions((fine, fine, fine, fine, 4), batch_norm, last=True),
                _convolutions((coarse, coarse, coarse, coarse, 4 * fine), batch_norm),
                _convolutions((coarse, coarse, coarse, coarse, 4 * coarse), batch_norm),
            ]
        )
        nn.init.normal_(self.up[0][-1].weight, std=_SMALL)  # pyright: ignore[reportIndexIssue]
        self.to(memory_format=torch.channels_last)

    def forward(self, luma: Tensor) -> Tensor:
        first = self.down[0](halved(luma))
        second = self.down[1](halved(first))
        y = doubled(self.up[2](self.down[2](halved(second)))) + second
        y = doubled(self.up[1](y)) + first
        return doubled(self.up[0](y)) + luma


class Second(nn.Module):
    """Luma `(B, 1, H, W)` in [0, 1], sides multiples of 8, to the same, not clipped: the network of 2019.

    Convolutions without dilation and pairs of dilated ones, from full resolution down; skips are added. 24,927,809
    parameters at a width of 64. Parts bear the names of the authors' checkpoints.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        n = width
        self.head = nn.Sequential(Convolutions((1, n)))
        self.d_l0 = nn.Sequential(Convolutions((n, n, n), (2, 1)))
        self.d_l1 = nn.Sequential(Convolutions((4 * n, 2 * n)), Convolutions((2 * n,) * 3, (2, 1)))
        self.d_l2 = nn.Sequential(Convolutions((8 * n, 4 * n)), Convolutions((4 * n,) * 3, (2, 1)))
        self.pro_l3 = nn.Sequential(
            Convolutions((16 * n, 8 * n)),
            Convolutions((8 * n,) * 3, (2, 3)),
            Convolutions((8 * n,) * 3, (3, 2)),
            Convolutions((8 * n, 16 * n)),
        )
        self.i_l2 = nn.Sequential(Convolutions((4 * n,) * 3, (2, 1)), Convolutions((4 * n, 8 * n)))
        self.i_l1 = nn.Sequential(Convolutions((2 * n,) * 3, (2, 1)), Convolutions((2 * n, 4 * n)))
        self.i_l0 = nn.Sequential(Convolutions((n, n, n), (2, 1)))
        self.tail = nn.Sequential(nn.Conv2d(n, 1, 3, padding=1))
        nn.init.normal_(self.tail[0].get_parameter("weight"), std=_SMALL)
        self.to(memory_format=torch.channels_last)

    def forward(self, luma: Tensor) -> Tensor:
        x0 = self.d_l0(self.head(luma))
        x1 = self.d_l1(halved(x0))
        x2 = self.d_l2(halved(x1))
        y = doubled(self.pro_l3(halved(x2))) + x2
        y = doubled(self.i_l2(y)) + x1
        y = doubled(self.i_l1(y)) + x0
        return self.tail(self.i_l0(y)) + luma


class Convolutions(nn.Module):
    """3x3 convolutions, each with a ReLU, through these numbers of features, with these dilations."""

    def __init__(self, widths: tuple[int, ...], dilations: tuple[int, ...] = (1,)) -> None:
        super().__init__()
        layers = []
        for i, d in enumerate(dilations):
            layers += [_convolution(widths[i], widths[i + 1], d), nn.ReLU(inplace=True)]
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def _convolutions(widths: tuple[int, ...], batch_norm: bool, first: bool = False, last: bool = False) -> nn.Sequential:
    """3x3 convolutions with batch normalisation, but for the first and last of the network, and ReLUs, but the last."""
    layers: list[nn.Module] = []
    for i in range(len(widths) - 1):
        outermost = (first and i == 0) or (last and i == len(widths) - 2)
        layers.append(_convolution(widths[i], widths[i + 1], bias=outermost or not batch_norm))
        if batch_norm and not outermost:
            layers.append(nn.BatchNorm2d(widths[i + 1]))
        if not (last and i == len(widths) - 2):
            layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def _convolution(inputs: int, outputs: int, dilation: int = 1, bias: bool = True) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, 3, padding=dilation, dilation=dilation, bias=bias)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
