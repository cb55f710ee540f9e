"""A network that sees no more than one square at a time, on images of any size."""

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from imgredux.tiling import announce, pad

ALIGN = 8  # tiles start on multiples of it: the blocks of the DCT lie alike in all of them
_AT_ONCE = 8  # tiles that a GPU computes together


def in_tiles(run: Callable[[Tensor], Tensor], x: Tensor, tile: int, overlap: int) -> Tensor:
    """`run` on squares of x of side `tile`, their results faded into one another where they overlap.

    x: `(B, C, H, W)`, completed by edge replication to multiples of `ALIGN`; a side below `tile` is one tile. The last
    tile of a row or column ends where the image does, and overlaps further. run: keeps height and width. On the CPU
    tiles go one by one: memory stays that of one, and the images of a batch give bit for bit what they give alone.
    """
    height, width = x.shape[-2:]
    x = pad(x, ALIGN)
    rows, columns = (_places(side, min(tile, side), overlap, x) for side in x.shape[-2:])
    places = list(product(range(len(x)), rows, columns))
    at_once = _AT_ONCE if x.is_cuda else 1
    out: Tensor | None = None
    for first in range(0, len(places), at_once):
        group = places[first : first + at_once]
        views = [(image, slice(None), row, column) for image, (row, _), (column, _) in group]
        results = run(torch.stack([x[view] for view in views]))
        if out is None:
            out = results.new_zeros(len(x), results.shape[1], *x.shape[-2:])
        for view, result, (_, (_, down), (_, across)) in zip(views, results, group, strict=True):
            out[view] += result * (down[:, None] * across)
        announce(first + len(group), len(places))
    assert out is not None  # an image without pixels is refused before
    return out[..., :height, :width]


def _places(side: int, tile: int, overlap: int, like: Tensor) -> list[tuple[slice, Tensor]]:
    """The tiles along one side of an image, and the share `(tile,)` that each has in each of its pixels.

    Shares rise and fall linearly over half of the overlap; in the quarter at the tile's end, where the network sees its
    border, they are 0. Those of all tiles at a pixel add up to 1.
    """
    last = side - tile
    starts = [*range(0, last, max(tile - overlap, 1)), last]
    pixels = torch.arange(tile, dtype=like.dtype, device=like.device) + 0.5
    rise = ((pixels - overlap / 4) / (overlap / 2)).clamp(0, 1)
    total = torch.zeros(side).to(like)
    shares = []
    for start in starts:
        share = torch.ones_like(rise)
        if start > 0:
            share = share * rise
        if start < last:
            share = share * rise.flip(0)
        total[start : start + tile] += share
        shares.append(share)
    places = [slice(start, start + tile) for start in starts]
    return [(place, share / total[place]) for place, share in zip(places, shares, strict=True)]
