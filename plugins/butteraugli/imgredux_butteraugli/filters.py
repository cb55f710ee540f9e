"""The filters of butteraugli: blurs with its own borders, sums along sixteen lines, an erosion."""

import torch
from torch import Tensor
from torch.nn import functional as F

ACCURACY = 2.25  # sigmas of a blur's radius
MIRRORED = 2  # radius of the one blur whose border is mirrored; of others the weights inside count
CHUNK = 256  # pixels that a blur makes at a time
STEP = 3  # pixels to those that an erosion looks at
SHARES = (0.45, 0.3, 0.25)  # of the three smallest

# Halves of lines through a pixel, rows down and columns to the right; the other halves lie opposite.
Line = tuple[tuple[int, int], ...]
_RADIUS = 4
LOW: tuple[tuple[int, Line], ...] = tuple(
    (1, line)
    for line in (
        ((0, 2), (0, 4)),
        ((2, 0), (4, 0)),
        ((2, 2), (3, 3)),
        ((2, -2), (3, -3)),
        ((2, -1), (4, -1)),
        ((2, 1), (4, 1)),
        ((1, 2), (1, 4)),
        ((-1, 2), (-1, 4)),
        ((2, 1), (3, 2)),
        ((2, -1), (3, -2)),
        ((1, 2), (2, 3)),
        ((1, -2), (2, -3)),
        ((1, -2), (2, -4)),
        ((1, 2), (2, 4)),
        ((2, 1), (4, 2)),
        ((2, -1), (4, -2)),
    )
)
# Four of the sixteen stand there twice.
HIGH: tuple[tuple[int, Line], ...] = (
    (1, ((0, 1), (0, 2), (0, 3), (0, 4))),
    (1, ((1, 0), (2, 0), (3, 0), (4, 0))),
    (1, ((1, 1), (2, 2), (3, 3))),
    (1, ((1, -1), (2, -2), (3, -3))),
    (2, ((1, 0), (2, -1), (3, -1), (4, -1))),
    (2, ((1, 0), (2, 1), (3, 1), (4, 1))),
    (2, ((0, 1), (1, 2), (1, 3), (1, 4))),
    (2, ((0, 1), (-1, 2), (-1, 3), (-1, 4))),
    (1, ((1, 1), (2, 1), (3, 2))),
    (1, ((1, -1), (2, -1), (3, -2))),
    (1, ((1, 1), (1, 2), (2, 3))),
    (1, ((1, -1), (1, -2), (2, -3))),
)


def lines(x: Tensor, kinds: tuple[tuple[int, Line], ...]) -> Tensor:
    """The squares of sums along lines through each pixel, added up: `(B, 1, H, W)` to the same; outside is 0."""
    kernels = x.new_zeros(len(kinds), 1, 2 * _RADIUS + 1, 2 * _RADIUS + 1)
    for kernel, (weight, half) in zip(kernels[:, 0], kinds, strict=True):
        for down, across in ((0, 0), *half, *((-down, -across) for down, across in half)):
            kernel[_RADIUS + down, _RADIUS + across] = weight**0.5
    return F.conv2d(x, kernels, padding=_RADIUS).square().sum(1, keepdim=True)


def blurred(x: Tensor, sigma: float) -> Tensor:
    """A Gaussian blur of planes `(B, C, H, W)`, cut at 2.25 sigma."""
    radius = max(1, int(ACCURACY * sigma))
    return _along(_along(x, sigma, radius, -1), sigma, radius, -2)


def _along(x: Tensor, sigma: float, radius: int, axis: int) -> Tensor:
    """The blur along an axis, as products with bands of a matrix: faster than convolutions of one channel."""
    side = x.shape[axis]
    mirrored = radius if radius == MIRRORED else 0
    if mirrored:
        places = torch.arange(-radius, side + radius, device=x.device).remainder(2 * side)
        x = x.index_select(axis, torch.where(places < side, places, 2 * side - 1 - places))
    parts = []
    for start in range(0, side, CHUNK):
        stop = min(start + CHUNK, side)
        seen = torch.arange(max(start + mirrored - radius, 0), min(stop + mirrored + radius, x.shape[axis]))
        apart = (seen[:, None] - torch.arange(start + mirrored, stop + mirrored)).to(x)
        band = torch.where(apart.abs() <= radius, torch.exp(-0.5 / sigma**2 * apart**2), 0)
        band = band / band.sum(0)
        part = x.narrow(axis, int(seen[0]), len(seen))
        parts.append(part @ band if axis == -1 else band.T @ part)
    return torch.cat(parts, axis)


def eroded(x: Tensor) -> Tensor:
    """Shares of the three smallest of a pixel, twice its double, and the eight pixels three away: `(B, 1, H, W)`."""
    height, width = x.shape[-2:]
    wide = F.pad(x, (STEP,) * 4, value=torch.inf)
    around = [
        wide[..., down : down + height, across : across + width]
        for down in (0, STEP, 2 * STEP)
        for across in (0, STEP, 2 * STEP)
    ]
    smallest = torch.cat([*around, 2 * x, 2 * x], 1).topk(3, 1, largest=False, sorted=True).values
    return (smallest * x.new_tensor(SHARES)[:, None, None]).sum(1, keepdim=True)


def halved(x: Tensor) -> Tensor:
    """Means of 2x2 pixels; of an odd side, the last ones of those that are there."""
    height, width = x.shape[-2:]
    return F.avg_pool2d(F.pad(x, (0, width % 2, 0, height % 2), mode="replicate"), 2)
