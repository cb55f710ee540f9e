"""Restoration of a JPEG's planes: the DCT of sliding windows thresholded, then projected on what the file says.

A block boundary is a feature of the windows that lie across it, and a weak one: their DCT without its small
coefficients shows the image without the boundary. Each of the up to 64 windows over a pixel is thresholded by itself,
and windows in which little is left, the smooth ones, count most in their mean. The mean may leave the set of images
that the file could have come from: it is projected back. Luma as it is, chroma at the size that the file stores.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from scipy import fft
from torch import Tensor
from torch.nn import functional as F

from imgredux.kernels import native, traced
from imgredux.ops.quantization import project
from imgredux.ops.strips import fresh, in_strips, pad

N = 8
REACH = N - 1  # how far a window that covers a pixel extends beyond it
BETA = 0.7  # thresholds follow Q^BETA: a window across blocks sees the noise of all frequencies mixed
ON_GRID = 0.25  # weight of windows that end where blocks end, in each of the two directions: they keep the boundary
KAPPA, HALF = 0.4, 0.35  # chosen on training images: plugins/slidingdct/README.md
# Pixels for each chroma sample, down and across.
FACTORS = {"4:4:4": (1, 1), "4:2:2": (1, 2), "4:4:0": (2, 1), "4:2:0": (2, 2), "4:1:1": None}

# Strips and the matrices in them have one height, whatever the image: BLAS rounds by a matrix's size.
STRIP = 120
COLUMNS = 32  # of windows at a time: 1 MiB of coefficients stays in the cache
AT_ONCE = 2**21  # windows at a time on an accelerator: 0.5 GiB of coefficients

D = torch.from_numpy(fft.dct(np.eye(N), axis=0, norm="ortho"))


@torch.no_grad()
def sliding_dct(
    plane: Tensor,
    steps: Tensor,
    *,
    kappa: float = KAPPA,
    half: float = HALF,
    stride: int = 1,
    rows: int = STRIP,
) -> Tensor:
    """A plane of a JPEG, `(B, 1, H, W)` in [0, 1], thresholded and projected: not clipped, without gradients.

    steps: `(B, 8, 8)`, in grey levels of 0..255, of the blocks of `plane`, which begin at (0, 0). kappa: coefficients
    below about this many steps are dropped. half: how far, in steps, a coefficient of the result may be from that of
    `plane`; 0.5 is what quantisation allows. stride: between windows, in pixels: 1, 2 or 4. rows: of the strips that
    are computed one by one; for crops of fewer rows a smaller number is faster, and may round in another way.

    A pixel looks 14 pixels far. On the CPU, batches and tiles that begin on multiples of 8 give bit for bit what the
    image gives; an accelerator computes whole batches at once and rounds in another way.
    Sources: A. Nosratinia, J. VLSI Signal Process. 27, 69-79, 2001; O. G. Guleryuz, IEEE Trans. Image Process. 16,
    2007. Raises ValueError for another stride, and for shapes that do not fit.
    """
    if plane.ndim != 4 or plane.shape[1] != 1 or steps.shape != (len(plane), N, N):
        shapes = f"{tuple(plane.shape)} and {tuple(steps.shape)}"
        raise ValueError(f"plane and steps are {shapes}; pass (B, 1, H, W) and (B, 8, 8)")
    if stride not in (1, 2, 4):
        raise ValueError(f"stride is {stride}; choose 1, 2 or 4")
    smooth, t = fresh(plane, 1), thresholds(steps.to(plane), kappa) / 255
    if traced():
        return project(mean_of_windows_at_once(pad(plane, REACH, "replicate"), t, stride), plane, steps, half)
    if plane.device.type == "cpu":
        for image, own, out in zip(plane.split(1), t, smooth.split(1), strict=True):
            mean = partial(mean_of_windows, t=own, stride=stride, most=rows)
            in_strips(mean, image, halo=REACH, rows=rows, border="replicate", out=out)
    else:
        height = max(AT_ONCE // (len(plane) * plane.shape[-1]) // N * N, N)
        padded = pad(plane, REACH, "replicate")
        for top in range(0, plane.shape[-2], height):
            strip = padded[..., top : top + height + 2 * REACH, :]
            smooth[..., top : top + height, :] = mean_of_windows_at_once(strip, t, stride)
    return project(smooth, plane, steps, half)


def restored_chroma(
    planes: Tensor,
    steps: Tensor,
    subsampling: str | None = None,
    *,
    kappa: float = KAPPA,
    half: float = HALF,
    stride: int = 1,
    rows: int = STRIP,
) -> Tensor:
    """Cb and Cr of a decoded JPEG, `(B, 2, H, W)` in [0, 1], restored by `sliding_dct` at the size the file stores.

    subsampling: "4:4:4", "4:2:2", "4:4:0" or "4:2:0", which None stands for too; planes of "4:1:1" are returned as they
    are, because its blocks are wider than the grid of tiles. steps: `(B, 8, 8)`, those of chroma. kappa, half, stride,
    rows: as of `sliding_dct`.

    A stored sample is the mean of its pixels; what its restoration changes is interpolated and added, not clipped.
    Gradients pass as if this change were a constant. Sides that are no whole blocks are completed by edge replication.
    A pixel looks up to 30 pixels far: 14 stored samples, of 2 pixels in 4:2:0, from one that is 2 pixels away. Batches,
    and tiles that begin on multiples of 16, give bit for bit what the image gives.

    Raises ValueError for another subsampling, and for shapes that do not fit.
    """
    factors = _factors(subsampling)
    if factors is None:
        return planes
    restored = partial(sliding_dct, kappa=kappa, half=half, stride=stride, rows=rows)
    return torch.cat([plane + _change(plane, steps, factors, restored) for plane in planes.split(1, 1)], 1)


def _factors(subsampling: str | None) -> tuple[int, int] | None:
    name = "4:2:0" if subsampling is None else subsampling
    if name not in FACTORS:
        raise ValueError(f"subsampling is {subsampling!r}; choose one of {', '.join(FACTORS)}")
    return FACTORS[name]


@torch.no_grad()
def _change(
    plane: Tensor, steps: Tensor, factors: tuple[int, int], restored: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """What restoration adds to a full-size plane `(B, 1, H, W)`: found at the size the file stores, interpolated."""
    height, width = plane.shape[-2:]
    down, across = (-n % (N * factor) for n, factor in zip((height, width), factors, strict=True))
    if down or across:
        plane = F.pad(plane, (0, across, 0, down), mode="replicate")
    stored = F.avg_pool2d(plane, factors)
    change = restored(stored, steps).sub_(stored)
    if factors != (1, 1):
        change = F.interpolate(change, scale_factor=factors, mode="bilinear")
    return change[..., :height, :width]


def thresholds(Q: Tensor, kappa: float) -> Tensor:
    """Thresholds of the coefficients, `(..., 8, 8)` as the steps `Q` and in their units: kappa g (Q / g)^BETA.

    g is the geometric mean of the steps, so that a table of equal steps has kappa Q. The mean of a window, (0, 0), is
    kept: its threshold is next to nothing.
    """
    Q = Q.clamp(min=1e-3)
    g = Q.log().mean((-2, -1), keepdim=True).exp()
    t = (kappa * g * (Q / g) ** BETA).clamp(min=1e-3)
    t[..., 0, 0] = 1e-3
    return t


def mean_of_windows(strip: Tensor, t: Tensor, stride: int, most: int = STRIP) -> Tensor:
    """Weighted mean, at every pixel, of the thresholded windows over it: `(1, 1, r + 14, W + 14)` to `(1, 1, r, W)`.

    `strip` begins 7 pixels above a row of blocks, and as far to the left; r is at most `most`. `t`, `(8, 8)`, is in
    the units of strip. The DCT and its inverse are taken down the columns once for all windows that share the rows.
    Everything is summed from left to right and from above, so that a strip's or tile's place does not change a bit.
    Compiled loops do it where they can.
    """
    if kernel := native("sliding", strip, t):
        strip, mean = (
            strip[0, 0].contiguous(),
            strip.new_empty(strip.shape[-2] - 2 * REACH, strip.shape[-1] - 2 * REACH),
        )
        kernel.mean_of_windows(strip.numpy(), t.contiguous().numpy(), np.float32(ON_GRID), stride, mean.numpy())
        return mean[None, None]
    rows, width = strip.shape[-2] - 2 * REACH, strip.shape[-1]
    first = REACH % stride  # windows begin at multiples of stride from the grid
    x = F.pad(strip[0, 0], (0, 0, 0, most + 2 * N - 1 - strip.shape[-2]))
    columns = _times(D, x[first:].unfold(0, N, stride).permute(1, 2, 0))  # (W + 14, 8, windows down the strip)
    windows = columns.flatten(1)[first:].unfold(0, N, stride).mT
    share = _share(len(windows), stride, x)[:, None, None] * _share(columns.shape[-1], stride, x)
    total, weight = torch.zeros_like(columns.flatten(1)), x.new_zeros(width, columns.shape[-1])
    for i in range(0, len(windows), COLUMNS * stride):
        left, some = first + i * stride, slice(i, i + COLUMNS * stride)
        B = _times(D, windows[some]).view(-1, N * N, columns.shape[-1])
        B, w = _thresholded(B, t.mT.reshape(-1, 1), share[some])
        _add(total[left:], _times(D.mT, B.view(len(B), N, -1)), stride)
        _add(weight[left:], w.expand(-1, N, -1), stride)
    sums = x.new_zeros(2, *x.mT.shape)
    _add(sums[0].mT[first:], _times(D.mT, total.view(columns.shape)).permute(2, 1, 0), stride)
    _add(sums[1].mT[first:], weight.mT[:, None].expand(-1, N, -1), stride)
    numerator, denominator = sums.mT[:, REACH : REACH + rows, REACH:-REACH]
    return (numerator / denominator)[None, None]


def mean_of_windows_at_once(strips: Tensor, t: Tensor, stride: int) -> Tensor:
    """`mean_of_windows` of a batch, `(B, 1, r + 14, W + 14)` to `(B, 1, r, W)`, in few kernels for an accelerator.

    t: `(B, 8, 8)`. All windows are there at a time: 64 numbers for each.
    """
    count, _, height, width = strips.shape
    first = REACH % stride
    x = strips[:, 0, first:, first:]
    windows = x.unfold(1, N, stride).unfold(2, N, stride)
    down, across = windows.shape[1:3]
    share = (_share(down, stride, x)[:, None] * _share(across, stride, x)).flatten()
    both = torch.kron(D, D).to(x)
    B = both @ windows.permute(0, 3, 4, 1, 2).reshape(count, N * N, down * across)
    B, w = _thresholded(B, t.reshape(count, N * N, 1), share)
    covered = (stride * (down - 1) + N, stride * (across - 1) + N)
    numerator = F.fold(both.mT @ B, covered, N, stride=stride)
    denominator = F.fold(w.expand(-1, N * N, -1), covered, N, stride=stride)
    inner = slice(REACH - first, height - REACH - first), slice(REACH - first, width - REACH - first)
    return (numerator / denominator)[(..., *inner)]


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
