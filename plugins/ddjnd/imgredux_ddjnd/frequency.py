"""The frequency branch, FDE: detail decomposition (FDD), detail correction (FDC), dynamic attention (FDA)."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imgredux.ops.dct import dct, idct
from imgredux_ddjnd.layers import Padding, conv, conv_gelu, widened

Channel = Literal["rows", "danet", "printed"]
N = 8  # side of a block


def detail(I_ori: Tensor, keep: int) -> Tensor:
    """I_fre, eq. 5-6: the magnitude of what the 8x8 DCT coefficients (u, v) with u + v > keep contribute.

    `(B, 3, H, W)`, sides multiples of 8, to the same shape and units. f - f~ is the inverse DCT of what was zeroed.
    """
    F_uv = dct(I_ori).unflatten(-1, (-1, N)).unflatten(-3, (-1, N))
    zeroed = F_uv * _zeroed(keep, I_ori.dtype, I_ori.device)[:, None]
    return idct(zeroed.flatten(-2).flatten(-3, -2)).abs()


def _zeroed(keep: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    u = torch.arange(N, device=device)
    return (u[:, None] + u > keep).to(dtype)


class FDE(nn.Module):
    """I_fre `(B, 3, H, W)` to F_f `(B, C, H, W)`. The convolution before FDD, chosen here, gives both C channels."""

    def __init__(self, width: int, padding: Padding, channel: Channel = "rows") -> None:
        super().__init__()
        self.lift = conv(3, width, 3, padding)
        self.fdd, self.fdc, self.fda = FDD(width, padding), FDC(width, padding), FDA(channel)

    def forward(self, I_fre: Tensor) -> Tensor:
        return self.fda(self.fdc(*self.fdd(self.lift(I_fre))))


class FDD(nn.Module):
    """Low and high frequencies: `(B, C, H, W)` to F_low and F_high of the same shape."""

    def __init__(self, width: int, padding: Padding) -> None:
        super().__init__()
        self.low = nn.ModuleList(conv(width, width, 5, padding) for _ in range(2))
        self.scale, self.compensate = conv_gelu(width, width, 1, padding), conv_gelu(width, width, 3, padding)

    def forward(self, X: Tensor) -> tuple[Tensor, Tensor]:
        F_low, sizes = X, []
        for layer in self.low:
            sizes.append(F_low.shape[-2:])
            F_low = F.max_pool2d(layer(F_low), 2).relu()
        for size in reversed(sizes):
            F_low = F.interpolate(F_low, size, mode="bilinear", align_corners=False)  # Eq. (7)
        return F_low, self.scale(F_low * X) + self.compensate(F_low + X)  # Eq. (8)


class FDC(nn.Module):
    """F_low and F_high to F_fdc, `(B, C, H, W)` each; what eq. 9 prints twice, BN(Conv(F_high)), is one layer."""

    def __init__(self, width: int, padding: Padding) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(5 * width, width), nn.ReLU(), nn.Linear(width, width), nn.Sigmoid())
        self.conv, self.bn = conv(width, width, 3, padding, bias=False), nn.BatchNorm2d(width)

    def forward(self, F_low: Tensor, F_high: Tensor) -> Tensor:
        pools = [F.adaptive_avg_pool2d(F_low, side).flatten(1) for side in (1, 2)]
        w = self.mlp(torch.cat(pools, 1))[..., None, None]
        u = self.bn(self.conv(F_high))
        return w * u + u.sigmoid()  # Eq. (9)


class FDA(nn.Module):
    """Every channel looks at every other: F_fdc `(B, C, H, W)` to F_f of the same shape.

    channel: "rows", softmax of each row of the products divided by H W; "printed", over all entries, not divided;
    "danet", of each row's maximum minus its entries, as in DANet (Fu et al., 2019).
    """

    def __init__(self, channel: Channel = "rows") -> None:
        super().__init__()
        self.channel = channel
        self.beta = nn.Parameter(torch.zeros(()))

    def forward(self, F_fdc: Tensor) -> Tensor:
        with torch.autocast(F_fdc.device.type, enabled=False):
            A = widened(F_fdc).flatten(2)
            weighted = self._map(A @ A.mT, A.shape[-1]) @ A
        return F_fdc + self.beta * weighted.unflatten(-1, F_fdc.shape[-2:])  # Eq. (11)

    def _map(self, E: Tensor, positions: int) -> Tensor:
        """CA, eq. 10: `(B, C, C)`."""
        if self.channel == "printed":
            return E.flatten(1).softmax(-1).view_as(E)
        if self.channel == "danet":
            return (E.amax(-1, keepdim=True) - E).softmax(-1)
        return (E / positions).softmax(-1)
