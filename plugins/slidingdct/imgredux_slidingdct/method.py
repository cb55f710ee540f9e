"""Thresholding of the DCT of sliding windows, and projection on what the JPEG file says of the picture.

A block boundary is a feature of the windows that lie across it, and a weak one: their DCT without its small
coefficients shows the picture without the boundary. Each of the up to 64 windows over a pixel is thresholded by itself,
and windows in which little is left, the smooth ones, count most in their mean. The mean may leave the set of pictures
that the file could have come from: it is projected back.
"""

from functools import partial
from typing import Any

import numpy as np
import torch
from scipy import fft
from torch import Tensor
from torch.nn import functional as F

from imgredux.errors import ImageError
from imgredux.images import Source
from imgredux.method import Restorer
from imgredux.ops.color import rgb_to_ycbcr, ycbcr_to_rgb
from imgredux.ops.quantisation import project
from imgredux.ops.strips import fresh, in_strips

N = 8
REACH = N - 1  # how far a window that covers a pixel extends beyond it
BETA = 0.7  # thresholds follow Q^BETA: a window across blocks sees the noise of all frequencies mixed
ON_GRID = 0.25  # weight of windows that end where blocks end, in each of the two directions: they keep the boundary
FACTORS = {"4:4:4": (1, 1), "4:2:2": (1, 2), "4:4:0": (2, 1), "4:2:0": (2, 2), "4:1:1": None}

# Strips and the matrices in them have one height, whatever the image: BLAS rounds by a matrix's size.
STRIP = 120
WINDOWS = STRIP + N
COLUMNS = 32  # of windows at a time, on the CPU: 1 MiB of coefficients stays in the cache

D = torch.from_numpy(fft.dct(np.eye(N), axis=0, norm="ortho"))


class SlidingDCT(Restorer):
    """Sliding-window DCT hard thresholding, then projection on the quantisation constraint; needs no training.

    kappa: coefficients below about this many quantisation steps are dropped.
    half: how far, in steps, a coefficient of the result may be from the file's; 0.5 is what quantisation allows.
    stride: between windows, in pixels: 1 takes all 64 shifts, 2 takes 16 and 4 takes 4, which is faster.

    Raises ValueError for other strides, and for kappa or half that are negative.
    """

    def __init__(self, *, kappa: float = 0.4, half: float = 0.35, stride: int = 1) -> None:
        super().__init__()
        if min(kappa, half) < 0 or stride not in (1, 2, 4):
            raise ValueError(f"kappa={kappa}, half={half}, stride={stride}: at least 0 both, and a stride of 1, 2 or 4")
        self.kappa, self.half_width, self.stride = kappa, half, stride

    @torch.no_grad()
    def forward(self, x: Tensor, *, qtable: Tensor | None = None, subsampling: str | None = None) -> Tensor:
        """The restored batch, `(B, 1 or 3, H, W)` in [0, 1] as `x`.

        qtable: `(B, 2, 8, 8)`, or 1 for all, steps of luma and chroma; None: they are not known, and x is returned as
        it is. subsampling: of the chroma, "4:4:4", "4:2:2", "4:4:0" or "4:2:0", which None stands for too; chroma of
        "4:1:1" is left as it is, because its blocks are wider than the tiles' grid.

        Raises ImageError for another subsampling or shape of qtable.
        """
        if subsampling is not None and subsampling not in FACTORS:
            raise ImageError(f"subsampling is {subsampling!r}; choose one of {', '.join(FACTORS)}")
        if qtable is None:
            return x.clamp(0, 1)
        if qtable.ndim != 4 or qtable.shape[1:] != (2, N, N) or len(qtable) not in (1, len(x)):
            raise ImageError(f"qtable has shape {tuple(qtable.shape)}; {len(x)} images need ({len(x)}, 2, 8, 8)")
        luma_steps, chroma_steps = qtable.to(x).expand(len(x), -1, -1, -1).unbind(1)
        if x.shape[1] == 1:
            return self._restored(x, luma_steps).clamp_(0, 1)
        planes = rgb_to_ycbcr(x)
        planes[:, :1] = self._restored(planes[:, :1], luma_steps)
        factors = FACTORS[subsampling or "4:2:0"]
        for chroma in (planes[:, 1:2], planes[:, 2:]) if factors else ():
            chroma += self._correction(chroma, chroma_steps, factors)
        return ycbcr_to_rgb(planes).clamp_(0, 1)

    def _options(self, source: Source) -> dict[str, Any]:
        return {**super()._options(source), "subsampling": source.subsampling}

    def _correction(self, chroma: Tensor, steps: Tensor, factors: tuple[int, int]) -> Tensor:
        """What restoration adds to a full-size chroma plane: found at the size the file stores, and interpolated."""
        stored = F.avg_pool2d(chroma, factors)
        change = self._restored(stored, steps).sub_(stored)
        return change if factors == (1, 1) else F.interpolate(change, scale_factor=factors, mode="bilinear")

    def _restored(self, plane: Tensor, steps: Tensor) -> Tensor:
        """A plane `(B, 1, H, W)` in [0, 1], quantised by `steps` `(B, 8, 8)`, thresholded and projected."""
        smooth = fresh(plane, 1)
        for image, Q, out in zip(plane.split(1), steps, smooth.split(1), strict=True):
            mean = partial(mean_of_windows, t=thresholds(Q, self.kappa) / 255, stride=self.stride)
            in_strips(mean, image, halo=REACH, rows=STRIP, border="replicate", out=out)
        return project(smooth, plane, steps, self.half_width)


def thresholds(Q: Tensor, kappa: float) -> Tensor:
    """Thresholds of the coefficients, `(8, 8)` as the steps `Q` and in their units: kappa g (Q / g)^BETA.

    g is the geometric mean of the steps, so that a table of equal steps has kappa Q. The mean of a window, (0, 0), is
    kept: its threshold is next to nothing.
    """
    Q = Q.clamp(min=1e-3)
    g = Q.log().mean().exp()
    t = (kappa * g * (Q / g) ** BETA).clamp(min=1e-3)
    t[0, 0] = 1e-3
    return t


def mean_of_windows(strip: Tensor, t: Tensor, stride: int) -> Tensor:
    """Weighted mean, at every pixel, of the thresholded windows over it: `(1, 1, r + 14, W + 14)` to `(1, 1, r, W)`.

    `strip` begins 7 pixels above a row of blocks, and as far to the left; r is at most `STRIP`. `t`, `(8, 8)`, is in
    the units of strip. The DCT and its inverse are taken down the columns once for all windows that share the rows.
    Everything is summed from left to right and from above, so that a strip's or tile's place does not change a bit.
    """
    rows, width = strip.shape[-2] - 2 * REACH, strip.shape[-1]
    first = REACH % stride  # windows begin at multiples of stride from the grid
    x = F.pad(strip[0, 0], (0, 0, 0, WINDOWS - 1 + N - strip.shape[-2]))
    columns = _times(D, x[first:].unfold(0, N, stride).permute(1, 2, 0))  # (W + 14, 8, windows down the strip)
    windows = columns.flatten(1)[first:].unfold(0, N, stride).mT
    share = _share(len(windows), stride, x)[:, None, None] * _share(columns.shape[-1], stride, x)
    total, weight = torch.zeros_like(columns.flatten(1)), x.new_zeros(width, columns.shape[-1])
    step = COLUMNS * stride if x.device.type == "cpu" else len(windows)
    for i in range(0, len(windows), step):
        left = first + i * stride
        B = _times(D, windows[i : i + step]).view(-1, N * N, columns.shape[-1])
        B, w = _thresholded(B, t.mT.reshape(-1, 1), share[i : i + step])
        _add(total[left:], _times(D.mT, B.view(len(B), N, -1)), stride)
        _add(weight[left:], w.expand(-1, N, -1), stride)
    sums = x.new_zeros(2, *x.mT.shape)
    _add(sums[0].mT[first:], _times(D.mT, total.view(columns.shape)).permute(2, 1, 0), stride)
    _add(sums[1].mT[first:], weight.mT[:, None].expand(-1, N, -1), stride)
    numerator, denominator = sums.mT[:, REACH : REACH + rows, REACH:-REACH]
    return (numerator / denominator)[None, None]


def smoothness(kept: Tensor) -> Tensor:
    """Weights of windows by the number of coefficients kept, DC among them: (1 + kept)^-3."""
    w = 1 / (1 + kept)
    return w * w * w  # pow() rounds by a number's place in memory


def _thresholded(B: Tensor, t: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Coefficients `(n, 64, m)` of n by m windows, hard-thresholded and weighted, and the weights `(n, 1, m)`."""
    B = F.hardshrink(B.mul_(1 / t), 1)
    kept = 1 + B[:, 1:].abs().clamp_(max=1).sum(1, keepdim=True)
    w = share * smoothness(kept)
    return B.mul_(t).mul_(w), w


def _share(count: int, stride: int, x: Tensor) -> Tensor:
    """Weights `(count,)` of windows by where they begin in one direction, the first up to 7 pixels before a block."""
    share = x.new_ones(count)
    share[(REACH - REACH % stride) // stride :: N // stride] = ON_GRID
    return share


def _times(matrix: Tensor, x: Tensor) -> Tensor:
    """`matrix @ x[i]` for every i of `x` `(n, 8, m)`."""
    return torch.bmm(matrix.to(x).expand(len(x), -1, -1), x)


def _add(into: Tensor, windows: Tensor, stride: int) -> None:
    """Add `windows` `(n, 8, m)`, each `stride` rows below the one before, to the rows of `into` that they cover."""
    for row in reversed(range(N)):  # so that a row adds up its windows from above, however they come in portions
        into[row : row + stride * (len(windows) - 1) + 1 : stride] += windows[:, row]
