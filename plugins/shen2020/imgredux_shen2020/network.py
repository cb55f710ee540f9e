"""The network that leaves of a patch the structure that is seen: an encoder and a decoder with attention."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

WIDTH, LEVELS = 32, 5


class Network(nn.Module):
    """Luma patches `(N, 1, 64, 64)` in [0, 1] to the same; 5.78 million parameters at a width of 32.

    Sides may be other multiples of 16, of at least 32. Spectral normalisation of every layer but the last.
    """

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        sizes = [width << level for level in range(LEVELS)]
        finer, coarser = sizes[:-1], sizes[1:]
        self.first = _block(1, width, 7)
        self.encoder = nn.ModuleList(_block(i, o, 3, stride=2) for i, o in zip(finer, coarser, strict=True))
        self.attention = SelfAttention(sizes[-1])
        self.skips = nn.ModuleList(GlobalAttention(channels) for channels in sizes)
        self.rising = nn.ModuleList(spectral_norm(_conv(i, o, 3)) for i, o in zip(coarser, finer, strict=True))
        self.decoder = nn.ModuleList(_block(2 * o, o, 3) for o in finer)
        self.last = _conv(width, 1, 7)
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        x = (x - 0.5) / 0.5
        features = [self.first(x)]
        for layer in self.encoder:
            features.append(layer(features[-1]))
        features[-1] = self.attention(features[-1])
        *features, h = (attend(f) for attend, f in zip(self.skips, features, strict=True))
        for rise, layer, skip in reversed(list(zip(self.rising, self.decoder, features, strict=True))):
            h = layer(torch.cat([rise(F.interpolate(h, scale_factor=2.0)), skip], 1))
        return (x + self.last(h)).clamp(-1, 1) * 0.5 + 0.5


class SelfAttention(nn.Module):
    """Self-attention of SAGAN (Zhang et al. 2019): each place adds what it finds at others, nothing at first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(channels // 8, 1)
        self.query, self.key, self.value = (spectral_norm(nn.Conv2d(channels, o, 1)) for o in (inner, inner, channels))
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (layer(x).flatten(2) for layer in (self.query, self.key, self.value))
        shares = (query.mT @ key).softmax(-1)
        return x + self.gamma * (value @ shares.mT).view_as(x)


class GlobalAttention(nn.Module):
    """A summary of the whole patch beside every place, and both mixed."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(channels // 16, 1)
        self.squeeze, self.widen = (spectral_norm(nn.Linear(i, o)) for i, o in ((channels, inner), (inner, channels)))
        self.mix = spectral_norm(nn.Conv2d(2 * channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        summary = self.widen(F.relu(self.squeeze(x.mean((-2, -1)))))
        return self.mix(torch.cat([x, summary[..., None, None].expand_as(x)], 1))


def _conv(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, side, stride, side // 2, padding_mode="reflect")
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.get_parameter("bias"))
    return layer


def _block(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        spectral_norm(_conv(inputs, outputs, side, stride)), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )
