"""The decoder: multi-scale activator (MA) with Kolmogorov-Arnold layers (KAN), multi-domain integrator (MI)."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from imgredux_ddjnd.layers import Padding, conv

Order = Literal["text", "printed"]
SCALES = (1, 3, 5, 7)
REDUCTION = 4  # of the channel attention
ORDER = 3  # of the splines
SPLINE_STD = 0.1  # of their initial coefficients


def splines(u: Tensor, grid: int) -> Tensor:
    """Cubic B-splines on [-1, 1], cut into `grid` steps h: `(...)` to `(..., grid + 3)`, knots from -1 - 3h to 1 + 3h.

    On equal steps all are one function of the distance s to their middle, in steps: 4/6 - s^2 + s^3/2 up to 1, then
    (2 - s)^3/6 up to 2. They sum to 1 on [-1, 1].
    """
    middles = torch.arange(grid + ORDER, dtype=u.dtype, device=u.device) - (grid + ORDER - 1) / 2
    s = (u[..., None] * (grid / 2) - middles).abs()
    return ((2 - s).relu() ** 3 - 4 * (1 - s).relu() ** 3) / 6


class KAN(nn.Module):
    """A layer of Kolmogorov-Arnold type for each pixel: `(B, M, H, W)` to the same.

    y = W_b SiLU(u) + sum_m (s W_s)_m B_m(u), with u = tanh of the input, normalised over its channels: between the
    splines' outer knots there is nothing to learn.
    """

    def __init__(self, width: int, grid: int) -> None:
        super().__init__()
        self.grid = grid
        self.base = nn.Parameter(torch.empty(width, width))
        self.spline = nn.Parameter(SPLINE_STD * torch.randn(width, width, grid + ORDER))
        self.scale = nn.Parameter(torch.ones(width, width))
        nn.init.kaiming_normal_(self.base, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        u = F.layer_norm(x.movedim(1, -1), x.shape[1:2]).tanh()
        if torch.is_grad_enabled() and u.requires_grad:  # else a step keeps eight times its features, and more
            return checkpoint(self._layer, u, use_reentrant=False, preserve_rng_state=False).movedim(-1, 1)
        return self._layer(u).movedim(-1, 1)

    def _layer(self, u: Tensor) -> Tensor:
        weight = (self.scale[..., None] * self.spline).flatten(1)
        return F.linear(F.silu(u), self.base) + F.linear(splines(u, self.grid).flatten(-2), weight)


class MA(nn.Module):
    """F_s `(B, C, H, W)` to the activations of all scales, CK of eq. 22, concatenated: `(B, 4 M, H, W)`."""

    def __init__(self, width: int, kan_width: int, grid: int, padding: Padding) -> None:
        super().__init__()
        self.convs = nn.ModuleList(conv(width, kan_width, size, padding) for size in SCALES)
        self.kans = nn.ModuleList(KAN(kan_width, grid) for _ in SCALES)

    def forward(self, F_s: Tensor) -> Tensor:
        return torch.cat([kan(layer(F_s)) for layer, kan in zip(self.convs, self.kans, strict=True)], 1)  # Eq. (22)


class MI(nn.Module):
    """Eq. 23 but for its last term: CK `(B, 4 M, H, W)`, F_f `(B, C, H, W)` and I_ori to `(B, planes, H, W)`.

    order: "text", (A + O) G, as the words have it; "printed", A + O + I_ori G, as the formula is read, for 3 planes.
    gate: initial scale of the normalisation in G.
    """

    def __init__(
        self, width: int, activations: int, planes: int, padding: Padding, order: Order = "text", gate: float = 1.0
    ) -> None:
        super().__init__()
        self.order = order
        self.attention = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            conv(activations, activations // REDUCTION, 1),
            nn.ReLU(),
            conv(activations // REDUCTION, activations, 1),
            nn.Sigmoid(),
        )
        self.activation = conv(activations, planes, 3, padding)
        self.image, self.image_bn = conv(3, planes, 3, padding, bias=False), nn.BatchNorm2d(planes)
        self.detail, self.detail_bn = conv(width, planes, 5, padding, bias=False), nn.BatchNorm2d(planes)
        nn.init.constant_(self.detail_bn.weight, gate)

    def forward(self, CK: Tensor, F_f: Tensor, I_ori: Tensor) -> Tensor:
        A = self.activation(self.attention(CK) * CK)
        O = F.gelu(self.image_bn(self.image(I_ori)))  # noqa: E741 - as in the formula
        G = F.gelu(self.detail_bn(self.detail(F_f)))
        return A + O + I_ori * G if self.order == "printed" else (A + O) * G  # Eq. (23)


class Product(nn.Module):
    """What stands for MI in Table 1: activations times F_f, each brought to the planes by a 3x3 convolution."""

    def __init__(self, width: int, activations: int, planes: int, padding: Padding) -> None:
        super().__init__()
        self.activation, self.detail = conv(activations, planes, 3, padding), conv(width, planes, 3, padding)

    def forward(self, CK: Tensor, F_f: Tensor, I_ori: Tensor) -> Tensor:
        return self.activation(CK) * self.detail(F_f)
