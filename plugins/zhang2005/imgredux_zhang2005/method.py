"""Improved Estimation for Just-Noticeable Visual Distortion (Zhang, Lin, Xue; Signal Processing 2005).

t_JND(n1, n2, i, j) = t_b(n1, n2, i, j) a_e(n1, n2, i, j): the base threshold of block (n1, n2) at the vertical
frequency i and the horizontal frequency j, by contrast sensitivity and luminance, times its elevation by masking.
"""

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from imgredux.methods.base import Estimator
from imgredux.methods.tiling import pad
from imgredux.ops.color import luma
from imgredux.ops.dct import across_blocks, blocks, dct, pixel_std
from imgredux.ops.strips import in_strips

N = 8
G = 256  # grey levels
MU = (125, 290, 900)  # texture energies between the four cases of block classes
LF = [(0, 1), (0, 2), (1, 0), (1, 1), (2, 0)]  # Fig. 4
MF = [(0, 3), (0, 4), (0, 5), (0, 6), (1, 2), (2, 1), (2, 2), (3, 0), (3, 3), (4, 0), (5, 0), (6, 0)]
HF_COUNT = N * N - 1 - len(LF) - len(MF)


class Edges(NamedTuple):
    """Eq. (15): how much L exceeds M, and L + M exceeds H, in an edge block."""

    a: float
    b: float
    u: float


class Form(NamedTuple):
    """What differs between the paper and the code that is in use."""

    edges: Edges
    edges_of_busy: Edges  # case 4: texture energy above 900
    texture: float  # Eq. (16): a texture block of the energy 2 * 900 masks by 1 + this
    dc: float  # T(0, 0) in units of T(0, 1)
    gain: float


FORMS = {
    "released": Form(Edges(6.9, 4.8, 16), Edges(1.6, 1, 2), texture=1.5, dc=1, gain=0.3),
    "printed": Form(Edges(7, 5, 16), Edges(0.7, 0.5, 16), texture=1.25, dc=math.sqrt(2), gain=1),
}


class Zhang2005(Estimator):
    """JND of Zhang, Lin and Xue (2005) in the DCT domain, as a map of pixels or as thresholds of coefficients.

    formulation: "released" follows the code in use (OpenJND's), "printed" the paper. They differ in the constants of
    block classes and texture masking, in the threshold of DC, and in the gain.
    ppd: pixels per degree of visual angle; the default is the code's 0.0298 degrees per pixel, about what a 17-inch
    monitor shows at the paper's 50 cm.
    background_cd_m2, peak_cd_m2, black_cd_m2: luminance that the eye is adapted to, and of white and black.
    gain: a factor on all thresholds; None is 0.3 as released, 1 as printed.
    max_cpd: spatial frequencies count as this many cycles/degree at most; the fovea resolves nothing finer than 60.

    Block classes are step functions, without gradient; all else is differentiable.

    Raises ValueError for another formulation, and for viewing conditions or gains that cannot be.
    """

    def __init__(
        self,
        *,
        formulation: Literal["released", "printed"] = "released",
        ppd: float = 1 / 0.0298,
        background_cd_m2: float = 65.0,
        peak_cd_m2: float = 130.0,
        black_cd_m2: float = 0.0,
        gain: float | None = None,
        max_cpd: float = 60.0,
    ) -> None:
        super().__init__()
        if formulation not in FORMS:
            raise ValueError(f"formulation is {formulation!r}; choose released or printed")
        self.form = FORMS[formulation]
        gain = self.form.gain if gain is None else gain
        if ppd < 1 or min(background_cd_m2, max_cpd, gain) <= 0 or not 0 <= black_cd_m2 < peak_cd_m2:
            raise ValueError(
                f"ppd={ppd}, background_cd_m2={background_cd_m2}, peak_cd_m2={peak_cd_m2}, black_cd_m2={black_cd_m2}, "
                f"gain={gain}, max_cpd={max_cpd}: ppd is at least 1, peak above black, all others above 0"
            )
        T_prime = visibility_thresholds(spatial_frequencies(ppd).clamp(max=max_cpd), background_cd_m2)
        phi = torch.full((N,), math.sqrt(2 / N), dtype=torch.float64)
        phi[0] = math.sqrt(1 / N)
        self.T = G * T_prime / (phi[:, None] * phi * (peak_cd_m2 - black_cd_m2))  # Eq. (2)
        self.T[0, 0] = self.form.dc * min(self.T[0, 1], self.T[1, 0])
        self.gain = gain

    def forward(self, x: Tensor) -> Tensor:
        """JND map `(B, 1, H, W)` of `x` `(B, 1 or 3, H, W)` in [0, 1], in its units; one map for all channels.

        A pixel's JND is its standard deviation when every DCT coefficient of luma moves up or down by its threshold.
        """
        return in_strips(lambda part: pixel_std(self._thresholds(part)) / 255, x)

    def thresholds(self, x: Tensor) -> Tensor:
        """JND of every coefficient, `(B, ceil(H/8), ceil(W/8), 8, 8)`, in orthonormal DCT units of luma in 0..255.

        Takes images of any size: blocks at the bottom and right are completed by edge replication.
        """
        return blocks(in_strips(self._thresholds, pad(x, N, N))).squeeze(1)

    def _thresholds(self, x: Tensor) -> Tensor:
        """t_JND of an image or strip `(B, C, H, W)`, H and W multiples of 8, in the place of the coefficients."""
        C = dct(luma(x) * 255).unflatten(-2, (-1, N))
        T, ac, edge_groups = (table.to(C).repeat(1, C.shape[-1] // N) for table in (self.T, _NOT_DC, _EDGE_GROUPS))
        t_b = T * across_blocks(luminance_adaptation(C[..., 0, ::N]))  # Eq. (11)
        magnitude = C.abs()
        edge, xi = inter_band_masking(magnitude, self.form)
        intra = ac - across_blocks(edge.to(C)) * edge_groups  # the groups do not hold DC, and it is not masked
        ratio = (magnitude / t_b).clamp(min=1)  # before the power: its slope at zero is infinite
        a_e = (ratio.log() * (0.36 * intra)).exp() * (1 + ac * (across_blocks(xi) - 1))  # Eq. (17)
        return (t_b * a_e * self.gain).flatten(-3, -2)  # Eq. (1)


def spatial_frequencies(ppd: float) -> Tensor:
    """f_ij: float64 `(8, 8)`, cycles/degree, of square pixels; Eq. (7)."""
    i = torch.arange(N, dtype=torch.float64)
    return (i[:, None] ** 2 + i**2).sqrt() * ppd / (2 * N)


def visibility_thresholds(f: Tensor, L: float) -> Tensor:
    """T' of Ahumada and Peterson at `f` cycles/degree and `L` cd/m^2: float64 `(8, 8)`, cd/m^2; (0, 0) is as (0, 1)."""
    s, r = 0.25, 0.6
    T_min = 0.142 * (L / 13.45) ** 0.649 if L <= 13.45 else L / 94.7  # Eq. (4)
    f_p = 6.78 * min(L / 300, 1) ** 0.182  # Eq. (5)
    K = 3.125 * min(L / 300, 1) ** 0.0706  # Eq. (6)
    i = torch.arange(N, dtype=torch.float64)
    sin_theta = 2 * i[:, None] * i / (i[:, None] ** 2 + i**2).clamp(min=1)  # Eq. (8)
    f = f.clone()
    f[0, 0] = f[0, 1]
    parabola = K * (f / f_p).log10() ** 2
    return s * T_min / (r + (1 - r) * (1 - sin_theta**2)) * 10**parabola  # Eq. (3)


def luminance_adaptation(C_00: Tensor) -> Tensor:
    """a_lum of the DC coefficients of the blocks, orthonormal DCT units: 1 at mid-grey, more on both sides."""
    above = 2 * C_00 / (G * N) - 1
    dark, bright = (-above).clamp(min=0), above.clamp(min=0)
    return 1 + 2 * dark * dark * dark + 0.8 * bright * bright  # Eq. (10)


def inter_band_masking(magnitude: Tensor, form: Form) -> tuple[Tensor, Tensor]:
    """Which blocks are edges, and xi, of the coefficients' magnitudes `(B, 1, H/8, 8, W)`: both `(B, 1, H/8, W/8)`."""
    L, M = (_sum([magnitude[..., i, j::N] for i, j in group]) for group in (LF, MF))
    columns = _sum(list(magnitude.unbind(-2)))
    H = _sum([columns[..., j::N] for j in range(N)]) - magnitude[..., 0, ::N] - L - M
    TexE = M + H  # Eq. (12)
    busy = TexE > MU[2]
    a, b, u = (torch.where(busy, high, low) for low, high in zip(form.edges, form.edges_of_busy, strict=True))
    l, m, h = L / len(LF), M / len(MF), H / HF_COUNT  # noqa: E741 - the paper's means of L, M and H
    several = ((l + m >= a * h) & (l >= b * m)) | ((l + m >= b * h) & (l >= a * m))  # Eqs. (13) to (15)
    edge = (TexE > MU[0]) & (several | (l + m >= u * h))
    texture = (TexE > MU[1]) & ~edge
    xi = 1 + texture * (TexE - MU[1]) * (form.texture / (2 * MU[2] - MU[1]))  # Eq. (16)
    return edge, torch.where(edge, torch.where(L + M > 400, 1.25, 1.125), xi)


def _sum(terms: list[Tensor]) -> Tensor:
    """Their sum in this order: torch's own depends on the place in memory, and so on the strip."""
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _table(group: list[tuple[int, int]]) -> Tensor:
    table = torch.zeros(N, N)
    for i, j in group:
        table[i, j] = 1
    return table


_NOT_DC = 1 - _table([(0, 0)])
_EDGE_GROUPS = _table(LF + MF)
