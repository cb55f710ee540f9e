"""The Canny detector of MATLAB's `edge(I, "canny")`, which the JND models were written with."""

from functools import lru_cache

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor
from torch.nn import functional as F

from imgredux.kernels import traced
from imgredux.ops.strips import in_strips, strip_rows

_HALF_WIDTH = 6  # ceil(4 sigma) with sigma = sqrt(2)
_LOW = 0.4  # low threshold / high threshold
_AT_ONCE = 16  # pixels that an edge of a graph grows before it is asked whether it still does
_NOT_EDGES = 0.7  # share of the pixels below the automatic high threshold


def canny(x: Tensor, threshold: float | Tensor | None = None) -> Tensor:
    """Edge map of MATLAB's Canny detector: `(B, 1, H, W)` of any scale to bool `(B, 1, H, W)`, without gradient.

    `threshold` is the high threshold as a share, in (0, 1), of each image's greatest gradient magnitude; the low one is
    0.4 of it. By default 70 % of the pixels lie below it, to 1/64. The outermost pixels are never edges, nor is
    anything in a flat image. A mirrored or turned image has its edges mirrored or turned, to the last pixel.
    OpenCV's, scikit-image's and kornia's detectors are other ones. The last step runs on the CPU, but in a graph of
    `torch.export`, where it is a loop of tensors, and the automatic threshold may round to the bin beside.

    Raises ValueError for other thresholds. Source: `edge` of MATLAB's Image Processing Toolbox, with sigma = sqrt(2).
    """
    if not isinstance(threshold, Tensor) and threshold is not None and not 0 < threshold < 1:
        raise ValueError(f"threshold is {threshold}; it is a share of the greatest gradient: choose it between 0 and 1")
    out = torch.empty_like(x, dtype=torch.bool)
    with torch.no_grad():
        for image, edges in zip(x.detach().split(1), out.split(1), strict=True):
            edges.copy_(_edges(image, threshold))
    return out


def _edges(image: Tensor, threshold: float | Tensor | None) -> Tensor:
    ridges = in_strips(_ridges, image, halo=_HALF_WIDTH + 1, border="replicate")
    for frame in (ridges[..., :1, :], ridges[..., -1:, :], ridges[..., :1], ridges[..., -1:]):
        frame.abs_().neg_()
    if traced():
        greatest = ridges.abs().max()
        high = greatest * (_automatic_traced(ridges, greatest) if threshold is None else threshold)
        return _hysteresis_traced(ridges > _LOW * high, ridges > high)
    greatest = torch.stack(torch.aminmax(ridges)).abs().max()
    high = greatest * (_automatic(ridges, float(greatest)) if threshold is None else float(threshold))
    weak, strong = ridges > _LOW * high, ridges > high
    del ridges
    return torch.from_numpy(_hysteresis(weak.cpu().numpy()[0, 0], strong.cpu().numpy()[0, 0]))


def _ridges(x: Tensor) -> Tensor:
    """Gradient magnitude, negative where it is not a maximum along its direction; 7 pixels less on every side."""
    smooth, slope = _kernels()
    gx = _correlate(_correlate(x, smooth, -2), slope, -1, odd=True)
    gy = _correlate(_correlate(x, smooth, -1), slope, -2, odd=True)
    m = torch.addcmul(gx * gx, gy, gy).sqrt_()
    center, gx, gy = (plane[..., 1:-1, 1:-1] for plane in (m, gx, gy))
    longest = torch.maximum(gx.abs(), gy.abs())
    down = gy.abs().div_(longest)
    right = (gx / longest).mul_(_signed(torch.ones_like(gy), gy))
    right, left = right.clamp(min=0), right.neg_().clamp_(min=0)
    # Bilinear at (right - left, down), one of which is 1: linear between the two neighbours on either side of the
    # gradient's direction. lerp keeps weights 0 and 1 exact, and costs a tenth of torch.where.
    ahead = _shift(m, 0, right, left).lerp_(_shift(m, 1, right, left), down)
    behind = _shift(m, 0, left, right).lerp_(_shift(m, -1, left, right), down)
    return _signed(center, center - torch.maximum(ahead, behind, out=ahead))


def _signed(magnitude: Tensor, like: Tensor) -> Tensor:
    """`magnitude`, not negative, with the sign of `like`. ONNX has no sign of zeros; none of them counts here."""
    return torch.where(like < 0, -magnitude, magnitude) if traced() else torch.copysign(magnitude, like)


def _shift(m: Tensor, dy: int, right: Tensor, left: Tensor) -> Tensor:
    """Row `dy` below, interpolated `right` to the right or `left` to the left; one of the two is zero."""
    height, width = right.shape[-2:]
    row = m[..., 1 + dy : 1 + dy + height, :]
    return torch.lerp(row[..., 1:-1], row[..., 2:], right).lerp_(row[..., :width], left)


def _correlate(x: Tensor, taps: tuple[float, ...], dim: int, odd: bool = False) -> Tensor:
    """Correlate with taps at offsets 0..n, even or odd about 0; in pairs, so that mirroring `x` mirrors it exactly."""
    half = len(taps) - 1
    size = x.shape[dim] - 2 * half

    def pair(k: int) -> Tensor:
        left, right = x.narrow(dim, half - k, size), x.narrow(dim, half + k, size)
        return right - left if odd else right + left

    total = pair(half).mul_(taps[half])
    for k in range(half - 1, 0, -1):  # the small taps first: it keeps float32 to the pixel of float64 on photographs
        total.add_(pair(k), alpha=taps[k])
    return total if odd else total.add_(x.narrow(dim, half, size), alpha=taps[0])


@lru_cache
def _kernels() -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Gaussian (sum 1) and its derivative (positive part of sum 1), at offsets 0..6."""
    offsets = np.arange(-_HALF_WIDTH, _HALF_WIDTH + 1)
    gaussian = np.exp(-(offsets**2) / 4)
    gaussian /= gaussian.sum()
    slope = -np.gradient(gaussian)
    slope /= slope[slope > 0].sum()
    return tuple(gaussian[_HALF_WIDTH:].tolist()), tuple(slope[_HALF_WIDTH:].tolist())


def _automatic(ridges: Tensor, greatest: float) -> float:
    """The high threshold (k + 1)/64: up to bin k, centred on k/63 of `greatest`, lie more than 70 % of the pixels."""
    if greatest == 0:
        return 1.0
    counts = torch.zeros(64, dtype=torch.float64)
    for strip in ridges.split(strip_rows(ridges), dim=-2):
        counts += torch.histc(strip.abs(), 64, -0.5 / 63 * greatest, 63.5 / 63 * greatest).cpu()
    above = counts.cumsum(0) > _NOT_EDGES * ridges.numel()
    return (int(above.int().argmax()) + 1) / 64


def _automatic_traced(ridges: Tensor, greatest: Tensor) -> Tensor:
    """`_automatic` without a look at a value."""
    share = ridges.abs() / greatest.clamp(min=torch.finfo(ridges.dtype).tiny)
    bins = (share * 63 + 0.5).floor().clamp(0, 63).long().flatten()
    counts = ridges.new_zeros(64).scatter_add(0, bins, torch.ones_like(share).flatten())
    above = counts.cumsum(0) > _NOT_EDGES * ridges.numel()
    return torch.where(greatest > 0, (above.to(ridges).argmax() + 1) / 64, 1.0).to(ridges)


def _hysteresis_traced(weak: Tensor, strong: Tensor) -> Tensor:
    """`_hysteresis` of bool `(1, 1, H, W)`: what is strong grows within what is weak until nothing changes."""
    from torch._higher_order_ops.while_loop import while_loop

    def grows(kept: Tensor, within: Tensor, grew: Tensor) -> Tensor:
        return grew.clone()

    def grow(kept: Tensor, within: Tensor, grew: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        more = kept
        for _ in range(_AT_ONCE):
            more = F.max_pool2d(more, 3, 1, 1) * within
        return more, within.clone(), (more > kept).any()

    started = strong.to(torch.float32), weak.to(torch.float32), strong.any()
    return while_loop(grows, grow, started)[0] > 0


def _hysteresis(weak: np.ndarray, strong: np.ndarray) -> np.ndarray:
    """The 8-connected parts of `weak` that hold a pixel of `strong`."""
    labels = np.empty(weak.shape, np.int32)
    ndimage.label(weak, np.ones((3, 3)), output=labels)
    keep = np.zeros(labels.max() + 1, dtype=bool)
    keep[labels[strong]] = True
    return keep[labels]
