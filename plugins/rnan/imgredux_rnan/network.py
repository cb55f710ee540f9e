"""The network of RNAN, under the names of its authors' checkpoints; its attention needs no matrix of all pairs."""

import torch
from torch import Tensor, nn

GROUPS, WIDTH = 10, 64  # of the authors' network
RANGE = 255  # of what it sees
AT_ONCE = 512  # pixels whose attention is computed at a time
_SMALL = 1e-3  # deviation of the last layer's initial weights: a fresh network changes little


class Network(nn.Module):
    """Luma `(B, 1, H, W)` in [0, 1], sides even, to restored luma, not clipped; 8,957,249 parameters as published.

    3x3 convolutions with zeros around the image; what they find is added to luma.
    """

    def __init__(self, groups: int = GROUPS, width: int = WIDTH) -> None:
        super().__init__()
        self.head = nn.Sequential(_conv(1, width))
        self.body_nl_low = nn.Sequential(Group(width, non_local=True))
        local = [Group(width, non_local=False) for _ in range(groups - 2)]
        self.body = nn.Sequential(*local, _conv(width, width))
        self.body_nl_high = nn.Sequential(Group(width, non_local=True))
        self.tail = nn.Sequential(_conv(width, 1))
        nn.init.normal_(self.tail[0].get_parameter("weight"), std=_SMALL)
        nn.init.zeros_(self.tail[0].get_parameter("bias"))

    def forward(self, luma: Tensor) -> Tensor:
        x = self.body_nl_high(self.body(self.body_nl_low(self.head(RANGE * luma))))
        return luma + self.tail(x) / RANGE


class Group(nn.Module):
    """An attention module, and a convolution."""

    def __init__(self, width: int, non_local: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(Attention(width, non_local), _conv(width, width))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class Attention(nn.Module):
    """Residual attention: what the trunk finds, times the mask, is added."""

    def __init__(self, width: int, non_local: bool) -> None:
        super().__init__()
        self.RA_RB1 = nn.Sequential(Residual(width))
        self.RA_TB = nn.Sequential(Trunk(width))
        self.RA_MB = nn.Sequential(Mask(width, non_local))
        self.RA_tail = nn.Sequential(Residual(width), Residual(width))

    def forward(self, x: Tensor) -> Tensor:
        x = self.RA_RB1(x)
        return self.RA_tail(self.RA_TB(x) * self.RA_MB(x) + x)


class Trunk(nn.Module):
    """Two residual blocks."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(Residual(width), Residual(width))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class Mask(nn.Module):
    """A mask in 0..1 of every feature at every pixel, seen at half the resolution; non_local: by all pixels first."""

    def __init__(self, width: int, non_local: bool) -> None:
        super().__init__()
        self.MB_RB1 = nn.Sequential(*([NonLocal(width)] if non_local else []), Residual(width))
        self.MB_Down = nn.Sequential(nn.Conv2d(width, width, 3, stride=2, padding=1))
        self.MB_RB2 = nn.Sequential(Residual(width), Residual(width))
        self.MB_Up = nn.Sequential(nn.ConvTranspose2d(width, width, 6, stride=2, padding=2))
        self.MB_RB3 = nn.Sequential(Residual(width))
        self.MB_1x1conv = nn.Sequential(nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.MB_RB1(x)
        x = x + self.MB_Up(self.MB_RB2(self.MB_Down(x)))
        return self.MB_1x1conv(self.MB_RB3(x)).sigmoid()


class NonLocal(nn.Module):
    """What every pixel gathers from all others is added to it; begins at 0.

    The weight with which pixel i takes from pixel j is exp(theta_i phi_j), normalized over i, as the authors' code has
    it; the usual attention is normalized over j. So the share of each j is complete once all i have seen it, and the
    pixels j are taken some at a time: the memory is that of 512 of them, not that of all pairs.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.g, self.theta, self.phi = (nn.Conv2d(width, width // 2, 1) for _ in range(3))
        self.W = nn.Conv2d(width // 2, width, 1)
        nn.init.zeros_(self.W.weight)
        nn.init.zeros_(self.W.get_parameter("bias"))

    def forward(self, x: Tensor) -> Tensor:
        g, theta, phi = (layer(x).flatten(2).mT for layer in (self.g, self.theta, self.phi))
        y = torch.zeros_like(g)
        for some, given in zip(phi.split(AT_ONCE, 1), g.split(AT_ONCE, 1), strict=True):
            y = y + (theta @ some.mT).softmax(1) @ given
        return x + self.W(y.mT.unflatten(2, x.shape[-2:]))


class Residual(nn.Module):
    """Residual block of two convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(width, width), nn.ReLU(inplace=True), _conv(width, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)
