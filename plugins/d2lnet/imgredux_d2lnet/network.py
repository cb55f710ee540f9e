"""The network of D2LNet: two U-Nets, one that corrects amplitudes and one that corrects phases, joined by eq. 11-14.

The paper draws modules; levels, widths and what happens between the modules are those of the authors' released network.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imgredux.ops.fourier import EPS
from imgredux_d2lnet.fourier import SLOPE, AmplitudeBranch, Bins, PhaseBranch, recombine

Variant = Literal["combined", "paper", "released"]
Attention = Literal["cbam", "parameter_free"]
Corrects = Literal["amplitude", "phase", "pixels", "nothing"]
LEVELS = 4  # n of the paper: correction blocks of a stage, each at half the resolution of the one before
FLOOR = 1e-2  # amplitude of a bin, in orthonormal units, at which its phase counts by half
ROUNDING = 1e-3  # amplitude that rounding to 8 bits leaves in a bin: what the phase of a fainter one says is chance


def conv3x3(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


class Network(nn.Module):
    """`(B, C, H, W)`, sides multiples of 8, to X_out1 and X_out2 of the same shape, neither clipped."""

    def __init__(
        self, channels: int, width: int, variant: Variant, attention: Attention | None, amplitude: bool, phase: bool
    ) -> None:
        super().__init__()
        self.order = "phase_first" if variant == "released" else "amplitude_first"
        self.norm, floor = ("backward", 0.0) if variant == "released" else ("ortho", FLOOR)
        slope = 0.0 if variant == "paper" else SLOPE
        attention = attention or ("parameter_free" if variant == "paper" else "cbam")
        stages: list[Corrects] = ["amplitude" if amplitude else "pixels", "phase" if phase else "pixels"]
        if self.order == "phase_first":
            stages.reverse()
        self.embed1 = embedding(channels, width, 2, slope)
        self.stage1 = Stage(width, stages[0], attention, self.norm, floor, slope)
        self.supervised = SupervisedAttention(channels, width)
        self.embed2 = embedding(channels, width, 2, slope)
        self.join = nn.Conv2d(2 * width, width, 1)
        self.stage2 = Stage(width, stages[1], attention, self.norm, floor, slope, guided=True)
        self.modulate = ChannelModulation(channels, width)
        embedded, refined = embedding(channels, width, 1, slope), ChannelModulation(channels, width)
        self.refine = nn.Sequential(embedded, refined)
        self.last = (self.supervised.image, self.modulate.last, refined.last)  # what is added to an image
        self.to(memory_format=torch.channels_last)

    def forward(self, X_in: Tensor) -> tuple[Tensor, Tensor]:
        encoded, decoded = self.stage1(self.embed1(X_in))
        X_amp, X_out1 = self.supervised(decoded[0], X_in)
        x = self.join(torch.cat([self.embed2(self.inverse(X_out1, X_in)), X_amp], 1))  # Eq. (14): concat
        _, decoded = self.stage2(x, encoded, decoded)
        x = self.modulate(decoded[0]) + X_in
        return X_out1, self.refine(x) + x

    def inverse(self, X_out1: Tensor, X_in: Tensor) -> Tensor:
        """X_inv, eq. 13: what the first stage corrected from X_out1, amplitude or phase, and the other from X_in."""
        if self.order == "amplitude_first":
            return recombine(X_out1, X_in, self.norm, ROUNDING)
        return recombine(X_in, X_out1, self.norm, EPS)


def embedding(channels: int, width: int, blocks: int, slope: float) -> nn.Sequential:
    """From an image into features: a convolution and blocks with half instance normalisation."""
    return nn.Sequential(conv3x3(channels, width), *(HalfNormBlock(width, slope) for _ in range(blocks)))


class HalfNormBlock(nn.Module):
    """Residual block of two convolutions; between them the first half of the channels is normalised in each image."""

    def __init__(self, width: int, slope: float) -> None:
        super().__init__()
        self.slope = slope
        self.first = conv3x3(width, width)
        self.second = conv3x3(width, width)
        self.scale = nn.Parameter(torch.ones(width // 2))
        self.shift = nn.Parameter(torch.zeros(width // 2))

    def forward(self, x: Tensor) -> Tensor:
        r = F.leaky_relu(self.first(x), self.slope, inplace=True)
        half = len(self.scale)
        var, mean = torch.var_mean(r[:, :half], (2, 3), correction=0)
        scale = self.scale * (var + 1e-5).rsqrt()
        shift = self.shift - mean * scale
        rest = r.shape[1] - half
        scale, shift = F.pad(scale, (0, rest), value=1.0), F.pad(shift, (0, rest))
        r = torch.addcmul(shift[..., None, None], r, scale[..., None, None])
        return x + F.leaky_relu(self.second(r), self.slope, inplace=True)


class SpatialAttention(nn.Module):
    """SA of eq. 10: `(B, C, H, W)` to weights `(B, 1, H, W)`.

    learned: sigmoid of a convolution over mean and maximum of the channels. Otherwise, without parameters, the mean of
    |F_dif| over the channels, divided by its mean over the pixels.
    """

    def __init__(self, learned: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 3, padding=1, bias=False) if learned else None

    def forward(self, F_dif: Tensor) -> Tensor:
        if self.conv is not None:
            return self.conv(torch.cat([F_dif.mean(1, True), F_dif.amax(1, True)], 1)).sigmoid()
        level = F_dif.abs().mean(1, True)
        return level / (level.mean((2, 3), True) + 1e-6)


class Block(nn.Module):
    """Correction block, eq. 6-10, with the residual that the released one adds: SA(F_dif) F_spa + F_fre + r.

    r is a 1x1 convolution of the input, and what the frequency branch sees. corrects: "amplitude" or "phase"; "pixels"
    for the ablation, where the branch's convolutions see r itself; "nothing" for F_spa + r alone, as on the way up.
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        corrects: Corrects,
        attention: Attention,
        norm: str,
        floor: float,
        slope: float = SLOPE,
    ) -> None:
        super().__init__()
        self.slope = slope
        self.first, self.second = conv3x3(inputs, width), conv3x3(width, width)
        self.residual = nn.Conv2d(inputs, width, 1)
        branches = {"amplitude": AmplitudeBranch, "phase": PhaseBranch}
        self.branch = self.attention = None
        if corrects in branches:
            self.branch = branches[corrects](width, norm, floor, slope)
            self.attention = SpatialAttention(attention == "cbam")
        elif corrects == "pixels":
            self.branch = Bins(width, slope)

    def forward(self, x: Tensor) -> Tensor:
        F_spa = F.leaky_relu(self.first(x), self.slope, inplace=True)
        F_spa = F.leaky_relu(self.second(F_spa), self.slope, inplace=True)  # Eq. (6)
        r = self.residual(x)
        if self.branch is None:
            return F_spa + r
        F_fre = self.branch(r)  # Eq. (7), (8)
        if self.attention is None:
            return F_spa + r + F_fre
        return torch.addcmul(r + F_fre, self.attention(F_spa - F_fre), F_spa)  # Eq. (9), (10)


class Stage(nn.Module):
    """ACM or PCM: a U-Net with a correction block at each level on the way down. guided: takes the other's features."""

    def __init__(
        self,
        width: int,
        corrects: Corrects,
        attention: Attention,
        norm: str,
        floor: float,
        slope: float,
        guided: bool = False,
    ) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(LEVELS)]
        inputs = [width, *widths[:-1]]
        upper = widths[:-1]

        def block(given: int, own: int, corrects: Corrects) -> Block:
            return Block(given, own, corrects, attention, norm, floor, slope)

        self.down = nn.ModuleList(block(i, w, corrects) for i, w in zip(inputs, widths, strict=True))
        self.shrink = nn.ModuleList(nn.Conv2d(w, w, 4, stride=2, padding=1, bias=False) for w in upper)
        self.enlarge = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in upper)
        self.skip = nn.ModuleList(HalfNormBlock(w, slope) for w in upper)
        self.up = nn.ModuleList(block(2 * w, w, "nothing") for w in upper)
        guides = upper if guided else []
        self.guide_encoded = nn.ModuleList(conv3x3(w, w) for w in guides)
        self.guide_decoded = nn.ModuleList(conv3x3(w, w) for w in guides)

    def forward(
        self, x: Tensor, encoded: Sequence[Tensor] = (), decoded: Sequence[Tensor] = ()
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Features on the way down and on the way up, finest first, of all levels but the coarsest."""
        bridges: list[Tensor] = []
        for level, shrink in enumerate(self.shrink):
            x = self.down[level](x)
            if encoded:
                x = x + self.guide_encoded[level](encoded[level]) + self.guide_decoded[level](decoded[level])
            bridges.append(x)
            x = shrink(x)
        x = self.down[-1](x)
        raised: list[Tensor] = []
        for level in reversed(range(len(bridges))):
            x = self.up[level](torch.cat([self.enlarge[level](x), self.skip[level](bridges[level])], 1))
            raised.insert(0, x)
        return bridges, raised


class SupervisedAttention(nn.Module):
    """SAM (Zamir et al., MPRNet, 2021): from features and X_in to X_amp, the features it lets pass, and X_out1."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.features, self.image, self.mask = conv3x3(width, width), conv3x3(width, channels), conv3x3(channels, width)

    def forward(self, x: Tensor, X_in: Tensor) -> tuple[Tensor, Tensor]:
        X_out1 = self.image(x) + X_in
        return torch.addcmul(x, self.features(x), self.mask(X_out1).sigmoid()), X_out1


class ChannelModulation(nn.Module):
    """Features to an image: a convolution, a residual block with channel attention, a convolution."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.first = conv3x3(width, width)
        self.block = nn.Sequential(conv3x3(width, width), nn.ReLU(inplace=True), conv3x3(width, width))
        self.squeeze, self.excite = nn.Conv2d(width, width // 4, 1), nn.Conv2d(width // 4, width, 1)
        self.last = conv3x3(width, channels)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        r = self.block(x)
        z = self.excite(self.squeeze(r.mean((2, 3), True)).relu_()).sigmoid()
        return self.last(torch.addcmul(x, z, r))
