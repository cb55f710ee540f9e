"""The spatial branch, SPI: pattern decomposition (SPD), pattern balance (SPB), hierarchical attention (SHA)."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imgredux_ddjnd.attention import attend
from imgredux_ddjnd.layers import Padding, conv, conv_gelu

Position = Literal["rows", "printed"]
GLOBAL, LOCAL = (9, 7), (3, 1)  # sides of the convolutions of GB and LB
GLOBAL_BAR, LOCAL_BAR = 7, 3  # lengths of those of an SSCB
GAMMA = 0.5  # its initial value, as printed


class SPI(nn.Module):
    """`(B, 3, H, W)` to F_s `(B, C, H, W)`."""

    def __init__(
        self, width: int, depth: int, padding: Padding, shrink: int = 1, stride: int = 1, position: Position = "rows"
    ) -> None:
        super().__init__()
        self.spd = SPD(width, depth, padding)
        self.spb = SPB(width, depth, padding)
        self.sha = SHA(width, shrink, stride, position)

    def forward(self, I_ori: Tensor) -> Tensor:
        return self.sha(self.spb(*self.spd(I_ori)))


class Parallel(nn.Module):
    """Convolutions of several sizes with GELU side by side, each with its share of the channels, concatenated."""

    def __init__(self, inputs: int, width: int, sizes: Sequence[int], padding: Padding) -> None:
        super().__init__()
        self.scales = nn.ModuleList(conv_gelu(inputs, width // len(sizes), size, padding) for size in sizes)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([scale(x) for scale in self.scales], 1)


class SPD(nn.Module):
    """Global and local patterns: `(B, 3, H, W)` to F_gbl and F_lcl, `(B, C, H, W)` each."""

    def __init__(self, width: int, depth: int, padding: Padding) -> None:
        super().__init__()
        inputs = [3, *[width] * (depth - 1)]
        self.gbl = nn.Sequential(*(Parallel(n, width, GLOBAL, padding) for n in inputs))  # Eq. (12)
        self.lcl = nn.Sequential(*(Parallel(n, width, LOCAL, padding) for n in inputs))  # Eq. (13)

    def forward(self, I_ori: Tensor) -> tuple[Tensor, Tensor]:
        return self.gbl(I_ori), self.lcl(I_ori)


class SSCB(nn.Module):
    """Separable block of one stream, a column's and a row's convolution; only their lengths are printed."""

    def __init__(self, width: int, length: int, padding: Padding) -> None:
        super().__init__()
        self.column = conv_gelu(width, width, (length, 1), padding)
        self.row = conv_gelu(width, width, (1, length), padding)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.row(self.column(x))


class SPB(nn.Module):
    """The two streams in balance: F_gbl and F_lcl to F_sps, `(B, C, H, W)` each."""

    def __init__(self, width: int, depth: int, padding: Padding) -> None:
        super().__init__()
        self.gbl = nn.Sequential(*(SSCB(width, GLOBAL_BAR, padding) for _ in range(depth)))
        self.lcl = nn.Sequential(*(SSCB(width, LOCAL_BAR, padding) for _ in range(depth)))
        self.adjust = Parallel(2 * width, width, (1, 5), padding)
        self.enhance = conv_gelu(width, width, 3, padding)

    def forward(self, F_gbl: Tensor, F_lcl: Tensor) -> Tensor:
        F_g, F_l = self.gbl(F_gbl), self.lcl(F_lcl)  # Eq. (14), the streams apart
        F_gl = self.adjust(torch.cat([F_g, F_l], 1))  # Eq. (15)
        return F_gl * self.enhance(F_gl)  # Eq. (16)


class SHA(nn.Module):
    """Every position looks at every other: F_sps `(B, C, H, W)` to F_s of the same shape.

    shrink: Q and K have C / shrink channels. stride: K and V are averaged over squares of this side before.
    """

    def __init__(self, width: int, shrink: int = 1, stride: int = 1, position: Position = "rows") -> None:
        super().__init__()
        self.q, self.k = (conv(width, width // shrink, 1) for _ in range(2))
        self.v = conv(width, width, 1)
        self.gamma = nn.Parameter(torch.tensor(GAMMA))
        self.stride, self.printed = stride, position == "printed"

    def forward(self, F_sps: Tensor) -> Tensor:
        seen = F.avg_pool2d(F_sps, self.stride, ceil_mode=True) if self.stride > 1 else F_sps
        Q, K, V = (_sequence(x) for x in (self.q(F_sps), self.k(seen), self.v(seen)))  # Eq. (17)
        weighted = attend(Q, K, V, self.printed)  # Eq. (18)
        return F_sps + self.gamma * weighted.mT.unflatten(-1, F_sps.shape[-2:])  # Eq. (19)


def _sequence(x: Tensor) -> Tensor:
    """`(B, C, H, W)` as `(B, H W, C)`; without a copy where channels come last in memory."""
    return x.flatten(2).mT
