"""Legal sizes and bounded memory: padding at the bottom and right, and methods run tile by tile."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from torch import Tensor
from torch.nn import functional as F

from imgredux.errors import ImgreduxError
from imgredux.images import ImageLike

if TYPE_CHECKING:
    from imgredux.method import Method

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
    height, width = (math.ceil(max(n, minimum) / multiple_of) * multiple_of for n in x.shape[-2:])
    grow = (0, width - x.shape[-1], 0, height - x.shape[-2])
    return F.pad(x, grow, mode="replicate") if any(grow) else x


def _in_tiles(run: Callable[[Tensor], Tensor], x: Tensor, tile: int, align: int, halo: int) -> Tensor:
    """`run` on tiles of x and the results put together.

    x: `(B, C, H, W)`. tile: side of a tile's own part. align: tiles start on multiples of it. halo: neighbourhood given
    along, in pixels. At the image's borders there is none, so `run` sees the true border there.
    """
    step, reach = (max(1, math.ceil(n / align)) * align for n in (tile, max(halo, 1)))
    reach = reach if halo else 0
    out: Tensor | None = None
    corners = [(top, left) for top in range(0, x.shape[-2], step) for left in range(0, x.shape[-1], step)]
    for done, (top, left) in enumerate(corners, 1):
        y0, x0 = max(0, top - reach), max(0, left - reach)
        with listening(None):  # of tiles within the tile
            part = run(x[..., y0 : top + step + reach, x0 : left + step + reach])
        part = part[..., top - y0 : top - y0 + step, left - x0 : left - x0 + step]
        if out is None:
            out = part.new_empty(*part.shape[:-2], *x.shape[-2:])
        out[..., top : top + step, left : left + step] = part
        announce(done, len(corners))
    return run(x) if out is None else out  # an image without pixels is refused by the method


def tiled(method: "Method", image: ImageLike | Tensor, tile: int = 512, **options: Any) -> Any:
    """The method's result on the whole image, computed tile by tile in bounded memory.

    tile: side of a tile in pixels. Takes and gives what calling the method does, and gives the same values: for methods
    whose `Spec.context` says how far a pixel looks. Raises ImgreduxError for a method that needs the whole image.
    """
    spec = method.spec
    if spec.context is None or spec.kind == "codec":
        raise ImgreduxError(f"{spec.name} works on the whole image and cannot run in tiles: call it directly")
    if not isinstance(image, Tensor):
        return method.adapt(image, options, tile)

    def run(part: Tensor) -> Tensor:
        return method(part, **options)

    # A tile is never smaller than what forward sees of a whole image: the halo makes up for it.
    halo = max(spec.context, spec.minimum - 1)
    return _in_tiles(run, image, tile, math.lcm(spec.multiple_of, 16), halo)
