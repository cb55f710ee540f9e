"""Images of flat zones and sharp edges out of their JPEGs: screenshots, text, drawings, pixel art.

A pixel is drawn towards those around it that are near it in value. Others lie across an edge, and pull nothing
(Tukey's biweight). After every step the plane is put back near the file's coefficients, so that what the file knows
stays. Of chroma, luma shows the edges: at the size that the file stores, then, enlarged by a regression on luma, at the
image's.

Sources: C. Tomasi and R. Manduchi, "Bilateral filtering for gray and color images", ICCV 1998, for the means; K. He,
J. Sun and X. Tang, "Guided image filtering", IEEE Trans. PAMI 35(6), 2013, for the regression. The rest, and all
constants, were found on training images: plugins/flatzone/README.md.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from imgredux.kernels import native
from imgredux.ops.quantization import project
from imgredux.ops.sliding import FACTORS, sliding_dct

N = 8
RADIUS = 2  # pixels around one that may pull it
HALF = 0.4  # of a step: how far a coefficient may go from the file's
REACH, POWER = 3.62, 0.39  # a difference of luma beyond REACH meanstep^POWER grey levels is an edge
STEPS, CHROMA_STEPS, LAST_STEPS = 10, 15, 4
CHROMA_REACH, GUIDE_REACH = 48.0, 16.0  # grey levels: the same of chroma, and of luma for chroma
LAST_REACH, LAST_GUIDE = 32.0, 12.0  # at full size
PULL = 0.5  # how much of what the stored samples miss is given back in each of the last steps
RIDGE = 1e-4  # of the regression, in squares of 0..1
_TAP = 8**0.5 - 3  # the inverse of what enlarging and averaging do falls by this factor from sample to sample
_TAPS = 6
ON_LATTICE = 0.15  # of the error that coefficients anywhere would have: blocks below it are taken for the file's


@torch.no_grad()
def flat_luma(luma: Tensor, steps: Tensor) -> Tensor:
    """Luma `(1, 1, H, W)` in [0, 1] of a JPEG, drawn flat; steps `(1, 8, 8)` of its blocks, which begin at (0, 0)."""
    reach = REACH * float(steps.mean()) ** POWER
    x = 255 * sliding_dct(luma, steps)
    for _ in range(STEPS):
        x = 255 * project(_drawn(x, reach) / 255, luma, steps, HALF)
    return x / 255


@torch.no_grad()
def flat_chroma(chroma: Tensor, steps: Tensor, luma: Tensor, subsampling: str | None = None) -> Tensor:
    """Cb and Cr `(1, 2, H, W)` in [0, 1] of a JPEG, drawn flat where the restored luma `(1, 1, H, W)` is.

    steps: `(1, 8, 8)`, those of chroma. subsampling: "4:4:4", "4:2:2", "4:4:0" or "4:2:0", which None stands for too;
    chroma of "4:1:1" is returned as it is. Raises ValueError for another.
    """
    name = "4:2:0" if subsampling is None else subsampling
    if name not in FACTORS:
        raise ValueError(f"subsampling is {subsampling!r}; choose one of {', '.join(FACTORS)}")
    factors = FACTORS[name]
    if factors is None:
        return chroma
    height, width = chroma.shape[-2:]
    below, right = (-side % (N * factor) for side, factor in zip((height, width), factors, strict=True))
    chroma, luma = (F.pad(z, (0, right, 0, below), mode="replicate") for z in (chroma, luma))
    stored = stored_chroma(chroma, steps, factors)
    guide = F.avg_pool2d(luma, factors)
    x = torch.cat([255 * sliding_dct(plane, steps) for plane in _planes(stored)], 1)
    for _ in range(CHROMA_STEPS):
        x = _drawn(x, CHROMA_REACH, 255 * guide, GUIDE_REACH) / 255
        near = [project(a, b, steps, HALF) for a, b in zip(_planes(x), _planes(stored), strict=True)]
        x = 255 * torch.cat(near, 1)
    x = x / 255 if factors == (1, 1) else _enlarged(x / 255, guide, luma, factors)
    return x[..., :height, :width]


def _enlarged(stored: Tensor, guide: Tensor, luma: Tensor, factors: tuple[int, int]) -> Tensor:
    """Chroma at the size of luma: what luma says of it around each sample, then drawn flat under the samples' rule."""
    mean_y, mean_c = _mean(guide), _mean(stored)
    slope = (_mean(guide * stored) - mean_y * mean_c) / (_mean(guide * guide) - mean_y * mean_y + RIDGE)
    level = mean_c - slope * mean_y
    slope, level = (F.interpolate(z, scale_factor=factors, mode="nearest") for z in (slope, level))
    x = slope * luma + level
    x = 255 * (x + _missing(stored, x, factors))
    for _ in range(LAST_STEPS):
        x = _drawn(x, LAST_REACH, 255 * luma, LAST_GUIDE)
        x = x + PULL * _missing(255 * stored, x, factors)
    return x / 255


def _missing(stored: Tensor, x: Tensor, factors: tuple[int, int]) -> Tensor:
    """What the stored samples have and the means of x have not, interpolated."""
    return F.interpolate(stored - F.avg_pool2d(x, factors), scale_factor=factors, mode="bilinear")


def _mean(z: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(z, (1, 1, 1, 1), mode="replicate"), 3, 1)


def _planes(z: Tensor) -> list[Tensor]:
    return [plane.contiguous() for plane in z.split(1, 1)]


@torch.no_grad()
def stored_chroma(chroma: Tensor, steps: Tensor, factors: tuple[int, int]) -> Tensor:
    """The samples that a file stores, from the chroma `(1, C, H, W)` in [0, 1] that libjpeg decoded.

    factors: pixels a sample, down and across; sides are multiples of 8 of them. libjpeg enlarges by a triangle, whose
    means of pixels are blurred samples: that is undone. Where the coefficients of a block then lie on multiples of the
    steps, but for rounding, they are those of the file. Other blocks, as of a file saved twice, stay means.
    """
    means = F.avg_pool2d(chroma, factors)
    sharp = means
    for axis, factor in zip((-2, -1), factors, strict=True):
        sharp = _sharpened(sharp, axis) if factor == 2 else sharp
    found = _on_lattice(sharp, steps)
    return torch.where(found[1], found[0], means)


def _on_lattice(samples: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
    """Samples with their coefficients on the nearest multiples of the steps; where blocks were near them before."""
    from imgredux.ops.dct import blocks, dct, idct

    c = dct(255 * samples - 127.5)
    view, q = blocks(c), steps[:, None, None, None].to(c)
    nearest = (view / q).round() * q
    near = (view - nearest).square().mean((-2, -1)) < ON_LATTICE * q.square().mean() / 12
    view.copy_(nearest)
    return (idct(c) + 127.5) / 255, F.interpolate(near.float(), scale_factor=N, mode="nearest") > 0


def _sharpened(z: Tensor, axis: int) -> Tensor:
    """Samples from the means of pixels that they were enlarged to, along an axis: the inverse of (1, 6, 1) / 8."""
    side = z.shape[axis]
    places = torch.arange(-_TAPS, side + _TAPS, device=z.device).remainder(2 * side)
    wide = z.index_select(axis, torch.where(places < side, places, 2 * side - 1 - places))  # mirrored at its ends
    taps = [_TAP ** abs(k) for k in range(-_TAPS, _TAPS + 1)]
    parts = [tap / sum(taps) * wide.narrow(axis, k, side) for k, tap in enumerate(taps)]
    return torch.stack(parts).sum(0)


def _drawn(x: Tensor, reach: float, guide: Tensor | None = None, guide_reach: float = 1.0) -> Tensor:
    """One step: planes `(1, P, H, W)` in grey levels, each pixel drawn towards those near it in value, in all planes.

    guide: `(1, 1, H, W)`; pixels that differ by `guide_reach` in it do not pull. A pixel pulls itself with a weight of
    1, one beside it with at most 1, farther ones with less. Compiled loops do it where they can.
    """
    wide = F.pad(x, (RADIUS,) * 4, mode="replicate")
    wide_guide = None if guide is None else F.pad(guide, (RADIUS,) * 4, mode="replicate")
    if kernel := native("flatzones", wide, *([] if wide_guide is None else [wide_guide])):
        out = torch.empty_like(x, memory_format=torch.contiguous_format)
        flat = wide_guide[0, 0].contiguous() if wide_guide is not None else wide.new_empty(0, 0)
        kernel.drawn(wide[0].contiguous().numpy(), flat.numpy(), reach, guide_reach, out[0].numpy())
        return out
    total, weight = torch.zeros_like(x), torch.ones_like(x[:, :1])
    for down, across, nearness in neighbors():
        rows, columns = (slice(RADIUS + k, RADIUS + k + n) for k, n in zip((down, across), x.shape[-2:], strict=True))
        d = wide[..., rows, columns] - x
        w = nearness * (1 - d.square().sum(1, keepdim=True) / reach**2).clamp(min=0).square()
        if guide is not None and wide_guide is not None:
            apart = (wide_guide[..., rows, columns] - guide) / guide_reach
            w = w * (1 - apart.square()).clamp(min=0).square()
        total, weight = total + w * d, weight + w
    return x + total / weight


def neighbors() -> Iterator[tuple[int, int, float]]:
    """Rows and columns to those around a pixel, and one over the distance."""
    around = range(-RADIUS, RADIUS + 1)
    for down in around:
        for across in around:
            if down or across:
                yield down, across, (down * down + across * across) ** -0.5
