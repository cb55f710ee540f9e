"""Row strips: local operations on images of any size in bounded memory, into one preallocated output."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from imgredux.kernels import traced

Border = Literal["constant", "reflect", "replicate", "symmetric"]

_STRIP_PIXELS = {"cpu": 2**18}  # 1 MiB of float32: temporaries stay in the cache and out of the page-fault path
_DEVICE_STRIP_PIXELS = 2**24


def in_strips(
    function: Callable[[Tensor], Tensor],
    x: Tensor,
    halo: int = 0,
    rows: int | None = None,
    border: Border = "constant",
    out: Tensor | None = None,
    channels: int = 1,
) -> Tensor:
    """Apply a local operation to row strips of each image of a batch and collect the results.

    `function` gets a strip `(1, C, r + 2 halo, W + 2 halo)` of `x` `(B, C, H, W)`: real neighbours inside the image,
    `border` beyond it (see `pad`). It returns `(1, channels, r, W)`, or more on every side alike, which is cut off.
    It must not change the strip. Results do not depend on `rows` as long as a pixel depends on no more than `halo`
    pixels around it.

    `rows` is the height of a strip (default: `strip_rows`); `out` `(B, channels, H, W)`, of any dtype, receives the
    result (default: a new tensor of `x`'s dtype). When gradients of `x` are wanted, or a graph of the operations,
    `function` runs once, on the whole batch. Raises ValueError for an unknown border.
    """
    height, width = x.shape[-2:]
    learning = torch.is_grad_enabled() and x.requires_grad
    if learning or traced():
        whole = _center(function(pad(x, halo, border)), height, width)
        return whole if out is None or learning else out.copy_(whole)
    if out is None:
        out = fresh(x, channels)
    rows = rows or strip_rows(x)
    for image, result in zip(x.split(1), out.split(1), strict=True):
        for top in range(0, height, rows):
            bottom = min(top + rows, height)
            strip = function(_columns(_rows(image, top - halo, bottom + halo, border), halo, border))
            result[:, :, top:bottom] = _center(strip, bottom - top, width)
    return out


def fresh(x: Tensor, channels: int) -> Tensor:
    """An uninitialised `(B, channels, H, W)` for a result from `x` `(B, C, H, W)`.

    On the CPU it comes from NumPy, which asks the system for huge pages: faulting torch's in costs more than much of
    the work that fills them.
    """
    shape = (x.shape[0], channels, *x.shape[-2:])
    if x.device.type != "cpu" or x.dtype not in (torch.float32, torch.float64) or traced():
        return x.new_empty(shape)
    return torch.from_numpy(np.empty(shape, str(x.dtype).removeprefix("torch.")))


def strip_rows(x: Tensor) -> int:
    """Height of a strip of `x` `(B, C, H, W)`: a multiple of 16, for about 2**18 pixels (2**24 on an accelerator)."""
    return max(16, _STRIP_PIXELS.get(x.device.type, _DEVICE_STRIP_PIXELS) // max(x.shape[-1], 1) // 16 * 16)


def pad(x: Tensor, halo: int, border: Border = "constant") -> Tensor:
    """Pad `x` `(B, C, H, W)` by `halo` pixels on all four sides, whatever its size.

    "constant" is zero, "replicate" repeats the edge pixel, "reflect" mirrors about the edge pixel (`dcb|abcd|cba`) and
    "symmetric" about the image's edge (`cba|abcd|dcb`), over and over where `halo` exceeds the image, as `numpy.pad`
    does. A single pixel reflects to itself. Raises ValueError for an unknown border.
    """
    if traced():
        return _padded(x, halo, border)
    return _columns(_rows(x, -halo, x.shape[-2] + halo, border), halo, border)


def _padded(x: Tensor, halo: int, border: Border) -> Tensor:
    """`pad` of an image that is larger than `halo`, without arithmetic of its size, which may be a symbol."""
    if halo == 0 or border == "constant":
        return F.pad(x, (halo, halo, halo, halo))
    if border not in ("reflect", "replicate", "symmetric"):
        raise ValueError(f"border is {border!r}; choose constant, reflect, replicate or symmetric")
    for dim in (-2, -1):
        size = x.shape[dim]
        if border == "replicate":
            sides = [x.narrow(dim, start, 1).repeat_interleave(halo, dim) for start in (0, size - 1)]
        else:
            own = 0 if border == "symmetric" else 1  # whether the edge pixel is mirrored too
            sides = [x.narrow(dim, start, halo).flip(dim) for start in (own, size - halo - own)]
        x = torch.cat([sides[0], x, sides[1]], dim)
    return x


def _rows(x: Tensor, top: int, bottom: int, border: Border) -> Tensor:
    height = x.shape[-2]
    if top >= 0 and bottom <= height:
        return x[..., top:bottom, :]
    if border == "constant":
        inside = x[..., max(top, 0) : min(bottom, height), :]
        return F.pad(inside, (0, 0, max(-top, 0), max(bottom - height, 0)))
    return x.index_select(-2, _sources(top, bottom, height, border, x.device))


def _columns(x: Tensor, halo: int, border: Border) -> Tensor:
    if halo == 0:
        return x
    if border == "constant":
        return F.pad(x, (halo, halo))
    width = x.shape[-1]
    left, right = (_sources(*span, width, border, x.device) for span in ((-halo, 0), (width, width + halo)))
    return torch.cat([x.index_select(-1, left), x, x.index_select(-1, right)], dim=-1)


def _sources(start: int, stop: int, size: int, border: Border, device: torch.device) -> Tensor:
    """Where the positions `start..stop-1` of an axis of length `size` take their values from."""
    position = torch.arange(start, stop, device=device)
    if border == "replicate":
        return position.clamp(0, size - 1)
    if border == "symmetric":
        position = position.remainder(2 * size)
        return torch.minimum(position, 2 * size - 1 - position)
    if border == "reflect":
        period = max(2 * size - 2, 1)
        position = position.remainder(period)
        return torch.minimum(position, period - position) if size > 1 else torch.zeros_like(position)
    raise ValueError(f"border is {border!r}; choose constant, reflect, replicate or symmetric")


def _center(x: Tensor, height: int, width: int) -> Tensor:
    top, left = (x.shape[-2] - height) // 2, (x.shape[-1] - width) // 2
    return x[..., top : top + height, left : left + width]
