"""Slope and intercept of a block's amplitude spectrum, on logarithmic axes."""

import math

import torch
from torch import Tensor

N = 8
RADII = range(1, N // 2 + 1)  # in steps of 1/8 cycle per pixel
DEGREES = 360


class Spectrum:
    """The line through ln s over ln f of a block: s(f) is the average of |FFT| over all directions at the frequency f.

    faithful: with the interpolation of the authors' code, see `polar_average`.
    """

    def __init__(self, faithful: bool = True) -> None:
        self._dft, self._average = half_plane(polar_average(faithful))
        ln_f = torch.tensor([[math.log(r / N), 1] for r in RADII], dtype=torch.float64)
        self._fit = torch.linalg.pinv(ln_f).mT * torch.tensor([-1, 1])  # the slope counts downwards

    def line(self, tiles: Tensor) -> tuple[Tensor, Tensor]:
        """Slope and intercept `(..., m, n)` of blocks `(..., m, n, 64)` in grey levels; not finite for black ones."""
        parts = per_block(tiles, self._dft.to(tiles)).unflatten(-1, (2, -1))
        s = per_block(parts.square().sum(-2).sqrt(), self._average.to(tiles))
        slope, intercept = per_block(s.log(), self._fit.to(tiles)).unbind(-1)
        return slope, intercept


def per_block(values: Tensor, matrix: Tensor) -> Tensor:
    """`values @ matrix`, `(..., m, n, K)` by `(K, L)`, one product for each of the m rows of blocks.

    BLAS rounds by a matrix's size: taking more rows at once would make the last bit depend on the strip and the batch.
    """
    rows = values.reshape(-1, *values.shape[-2:])
    return torch.bmm(rows, matrix.expand(len(rows), -1, -1)).view(*values.shape[:-1], -1)


def polar_average(faithful: bool = True) -> Tensor:
    """Weights `(4, 8, 8)`, float64, of the amplitudes A(u, v) in s(r), r = 1..4: bilinear, in steps of one degree.

    On the negative side of an axis the authors' code measures the distance to the outer sample instead of the inner
    one, and so swaps the two weights; faithful=False does not. `[0, 0]` is counted as any other here.
    """
    M = torch.zeros(len(RADII), N, N, dtype=torch.float64)
    angle = torch.arange(DEGREES, dtype=torch.float64) / DEGREES * (2 * math.pi)
    for s, r in zip(M, RADII, strict=True):
        for u, in_u in _neighbors(r * angle.sin(), faithful):
            for v, in_v in _neighbors(r * angle.cos(), faithful):
                s.index_put_((u, v), in_u * in_v / DEGREES, accumulate=True)
    return M


def _neighbors(x: Tensor, faithful: bool) -> list[tuple[Tensor, Tensor]]:
    """Index and weight of the two samples around each position `x` on an axis of the FFT."""
    inner, outer = x.sign() * x.abs().floor(), x.sign() * x.abs().ceil()
    distance = (x - inner).abs()
    if faithful:
        distance = torch.where(outer < 0, (x - outer).abs(), distance)
    return [(inner.long() % N, 1 - distance), (outer.long() % N, distance)]


def half_plane(M: Tensor) -> tuple[Tensor, Tensor]:
    """The windowed FFT of a block as a matrix `(64, 66)`, cosine parts first, and M over its frequencies, `(33, 4)`.

    A(-u, -v) = A(u, v), so that one of each pair is enough; A(0, 0) is replaced by the mean of A(1, 0) and A(0, 1).
    """
    pairs = {tuple(sorted({(u, v), (-u % N, -v % N)})) for u in range(N) for v in range(N)}
    frequencies = sorted(pairs - {((0, 0),)})
    M = M.clone()
    for u, v in ((0, 1), (1, 0)):
        M[:, u, v] += M[:, 0, 0] / 2
    n = torch.arange(N, dtype=torch.float64)
    h = 0.5 * (1 - torch.cos(2 * math.pi * (n + 1) / (N + 1)))
    phase = torch.stack([(u * n[:, None] + v * n).flatten() for (u, v), *_ in frequencies], -1) * (2 * math.pi / N)
    dft = torch.cat([phase.cos(), phase.sin()], -1) * (h[:, None] * h).reshape(-1, 1)
    average = torch.stack([M[:, *zip(*pair, strict=True)].sum(-1) for pair in frequencies])
    return dft, average
