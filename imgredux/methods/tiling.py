"""Legal sizes and bounded memory: padding at the bottom and right, and methods run tile by tile."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from imgredux.kernels import traced

_AT_ONCE = 8  # faded tiles that a GPU computes together
_listener: ContextVar[Callable[[int, int], None] | None] = ContextVar("listener", default=None)


def announce(done: int, total: int) -> None:
    """Say that so many of all tiles are done, to whoever is `listening`; methods that tile inside call it too."""
    listener = _listener.get()
    if listener is not None:
        listener(done, total)


@contextmanager
def listening(callback: Callable[[int, int], None] | None) -> Iterator[None]:
    """Have `callback` called by each `announce` in the block, as `callback(done, total)`; None hears nothing."""
    token = _listener.set(callback)
    try:
        yield
    finally:
        _listener.reset(token)


def pad(x: Tensor, multiple_of: int = 1, minimum: int = 1) -> Tensor:
    """Replicate the bottom row and right column until both sides are legal; x itself when they are."""
    height, width = (-(-max(n, minimum) // multiple_of) * multiple_of for n in x.shape[-2:])
    grow = (0, width - x.shape[-1], 0, height - x.shape[-2])
    return F.pad(x, grow, mode="replicate") if any(grow) else x


def in_tiles(run: Callable[[Tensor], Tensor], x: Tensor, tile: int, align: int, halo: int) -> Tensor:
    """`run` on tiles of x and the results put together.

    x: `(B, C, H, W)`. tile: side of a tile's own part. align: tiles start on multiples of it. halo: pixels around a
    tile that `run` sees too. There are none beyond the image, so `run` sees its true border.
    """
    if traced():  # a graph is run on what memory holds
        return run(x)
    out: Tensor | None = None
    places = tiles(x.shape[-2], x.shape[-1], tile, align, halo)
    for done, place in enumerate(places, 1):
        with listening(None):  # of tiles within the tile
            part = run(x[(..., *place.seen)])[(..., *place.within())]
        if out is None:
            out = part.new_empty(*part.shape[:-2], *x.shape[-2:])
        out[(..., *place.own)] = part
        announce(done, len(places))
    return run(x) if out is None else out  # an image without pixels is refused by the method


class Tile(NamedTuple):
    """Rows and columns of a tile: its own, and those that are seen for it."""

    own: tuple[slice, slice]
    seen: tuple[slice, slice]

    def within(self, shrink: int = 1) -> tuple[slice, slice]:
        """Where its own part lies in what was seen, at 1 / shrink of the size."""
        down, across = (
            slice((mine.start - all_.start) // shrink, (mine.stop - all_.start) // shrink)
            for mine, all_ in zip(self.own, self.seen, strict=True)
        )
        return down, across


def tiles(height: int, width: int, tile: int, align: int, halo: int) -> list[Tile]:
    """The tiles of an image, as `in_tiles` has them, row by row."""
    step, reach = (max(1, math.ceil(n / align)) * align for n in (tile, max(halo, 1)))
    reach = reach if halo else 0

    def spans(side: int) -> list[tuple[slice, slice]]:
        return [
            (slice(start, min(start + step, side)), slice(max(0, start - reach), min(start + step + reach, side)))
            for start in range(0, side, step)
        ]

    return [Tile((y, x), (seen_y, seen_x)) for y, seen_y in spans(height) for x, seen_x in spans(width)]


def faded(run: Callable[[Tensor], Tensor], x: Tensor, tile: int, overlap: int, align: int) -> Tensor:
    """`run` on squares of x of side `tile`, their results faded into one another where they overlap.

    For networks that see a tile as a whole: tiles are part of their definition. `forward` calls it.

    x: `(B, C, H, W)`, completed by edge replication to multiples of `align`; a side below `tile` is one tile. The last
    tile of a row or column ends where the image does, and overlaps further. run: keeps height and width. On the CPU
    tiles go one by one: memory stays that of one, and the images of a batch give bit for bit what they give alone.
    """
    height, width = x.shape[-2:]
    x = pad(x, align)
    rows, columns = (_shares(side, min(tile, side), overlap, x) for side in x.shape[-2:])
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
    assert out is not None  # an image without pixels is refused by the method
    return out[..., :height, :width]


def _shares(side: int, tile: int, overlap: int, like: Tensor) -> list[tuple[slice, Tensor]]:
    """The tiles along one side of an image, and the share `(tile,)` that each has in each of its pixels.

    Shares rise and fall linearly over half of the overlap; in the quarter at the tile's end, where the network sees its
    border, they are 0. Those of all tiles at a pixel add up to 1.
    """
    if side <= tile:
        return [(slice(0, side), torch.ones(side).to(like))]
    last = side - tile
    starts = [*range(0, last, max(tile - overlap, 1)), last]
    pixels = torch.arange(tile, dtype=like.dtype, device=like.device) + 0.5
    rise = ((pixels - overlap / 4) / (overlap / 2)).clamp(0, 1)
    total = torch.zeros(side).to(like)
    places = []
    for start in starts:
        share = torch.ones_like(rise)
        if start > 0:
            share = share * rise
        if start < last:
            share = share * rise.flip(0)
        place = slice(start, start + tile)
        total[place] += share
        places.append((place, share))
    return [(place, share / total[place]) for place, share in places]
