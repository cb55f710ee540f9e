"""Tiles of latents, and the pixels that they are of."""

from collections.abc import Iterator
from itertools import product

from torch import Tensor

STRIDE = 16  # pixels to a latent, on either axis

Part = tuple[slice, slice]


def tiles(y: Tensor, tile: int) -> Iterator[Part]:
    """Rows and columns of the tiles of latents `(..., h, w)`, of so many pixels a side."""
    (height, width), side = y.shape[-2:], tile // STRIDE
    for top, left in product(range(0, height, side), range(0, width, side)):
        yield slice(top, min(top + side, height)), slice(left, min(left + side, width))


def with_halo(rows: slice, columns: slice, halo: int) -> tuple[Part, Part]:
    """A tile of latents with its halo, and its place therein; slices that end beyond the image end there."""
    part = tuple(slice(max(side.start - halo, 0), side.stop + halo) for side in (rows, columns))
    inner = tuple(
        slice(side.start - outer.start, side.stop - outer.start)
        for side, outer in zip((rows, columns), part, strict=True)
    )
    return part, inner  # pyright: ignore[reportReturnType]


def pixels_of(part: Part) -> Part:
    """The pixels of a part of the latents."""
    rows, columns = (slice(side.start * STRIDE, side.stop * STRIDE) for side in part)
    return rows, columns
