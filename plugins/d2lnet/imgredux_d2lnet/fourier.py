"""The frequency branches of a block: F_fre of eq. 7-8, its phase form, and X_inv of eq. 13.

All work on half spectra. An amplitude is even and the 1x1 convolutions act bin by bin: corrected, it stays even. A
corrected phase P' is not odd, and only the Hermitian part of e^{i P'} reaches a real image. With P' = e + o, even and
odd, that part is cos(e) e^{i o}, which `PhaseBranch` computes from one half: the full transform's result, for less.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imgredux.ops.fourier import amplitude, irfft2, own_mirror, phase, rfft2

SLOPE = 0.2  # of the leaky ReLU of the released network; 0 is the ReLU of the text


class Bins(nn.Module):
    """Conv of eq. 8: 1x1 convolution, leaky ReLU, 1x1 convolution, `(B, C, H, W)` to the same."""

    def __init__(self, channels: int, slope: float = SLOPE) -> None:
        super().__init__()
        self.slope = slope
        self.first = nn.Conv2d(channels, channels, 1)
        self.second = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(F.leaky_relu(self.first(x), self.slope, inplace=True))


class AmplitudeBranch(Bins):
    """F_fre = F^-1(Conv(A(F)), P(F)), eq. 7-8. floor: amplitude at which the phase counts by half; 0: always fully."""

    def __init__(self, channels: int, norm: str, floor: float, slope: float = SLOPE) -> None:
        super().__init__(channels, slope)
        self.norm, self.floor = norm, floor

    def forward(self, x: Tensor) -> Tensor:
        Z = rfft2(x, self.norm)
        A = amplitude(Z)
        with torch.autocast(x.device.type, enabled=False):
            corrected = super().forward(A) / (A + self.floor)  # e^{i P} = Z / A needs no angle
            return irfft2(Z * corrected, (x.shape[-2], x.shape[-1]), self.norm)


class PhaseBranch(Bins):
    """F_fre = F^-1(A(F), Conv(P(F))): eq. 8 with the roles exchanged. floor: as above, for the phase that goes in."""

    def __init__(self, channels: int, norm: str, floor: float, slope: float = SLOPE) -> None:
        super().__init__(channels, slope)
        self.norm, self.floor = norm, floor

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        Z = rfft2(x, self.norm)
        A = amplitude(Z)
        P = phase(Z, width)
        if self.floor:
            P = P * (A / (A + self.floor))
        with torch.autocast(x.device.type, enabled=False):
            even, odd = self._parts(P, width)
            return irfft2(torch.polar(A * even.cos(), odd), (height, width), self.norm)

    def _parts(self, P: Tensor, width: int) -> tuple[Tensor, Tensor]:
        """Even and odd part of Conv(P). At the mirrored bin P is -P, except at the bins that are their own mirror."""
        mirrored = P.new_full((P.shape[-2], P.shape[-1]), -1)
        mirrored[(..., *own_mirror(P.shape[-2], width))] = 1
        linear = F.conv2d(P, self.first.weight)
        bias = self.first.get_parameter("bias")[:, None, None]
        here = F.leaky_relu(linear + bias, self.slope, inplace=True)
        there = F.leaky_relu(torch.addcmul(bias, linear, mirrored), self.slope, inplace=True)
        return self.second((here + there) / 2), F.conv2d((here - there) / 2, self.second.weight)


def recombine(amplitude_of: Tensor, phase_of: Tensor, norm: str, eps: float) -> Tensor:
    """X_inv = F^-1(A(X), P(Y)), eq. 13, of images `(B, C, H, W)`; those of Y that are fainter than eps count less."""
    Z = rfft2(phase_of, norm)
    ratio = amplitude(rfft2(amplitude_of, norm)) / amplitude(Z, eps)
    return irfft2(Z * ratio, (phase_of.shape[-2], phase_of.shape[-1]), norm)
