"""Orthonormal block DCT (type II, and III back) of any block size, the coefficients in the place of their pixels.

And what thresholds in that domain mean for the pixels: `pixel_std`, `across_blocks`.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

from imgredux.kernels import native, traced
from imgredux.ops.precision import full_precision
from imgredux.ops.strips import fresh

_STRIP_PIXELS = 2**19  # on the CPU: 2 MiB of float32 stay in the cache between the two products


def dct(x: Tensor, block: int = 8, out: Tensor | None = None) -> Tensor:
    """Orthonormal two-dimensional DCT-II of every `block` x `block` block.

    `x` is `(B, C, H, W)`, H and W multiples of `block`, in any units: the coefficients have the same units, and that of
    frequency (0, 0) is `block` times the block's mean. The result has the shape of `x`: block (m, n) of it holds the
    coefficients of block (m, n), vertical frequency down, horizontal frequency across (see `blocks`).

    `out`, a contiguous tensor of the shape, dtype and device of `x`, receives the result: a fresh output costs
    half as much again in page faults. It may be `x` itself. Gradients need `out` to be left away.
    float16 and bfloat16 are computed in float32. A batch gives bit for bit what its images give one by one.

    Raises ValueError for sizes that are no multiples of `block`, or an unfit `out`; TypeError for integers.
    """
    return _transform(x, block, out, inverse=False)


def idct(c: Tensor, block: int = 8, out: Tensor | None = None) -> Tensor:
    """Inverse of `dct`: coefficients `(B, C, H, W)` of every block back to pixels, under the same conditions."""
    return _transform(c, block, out, inverse=True)


def blocks(c: Tensor, block: int = 8) -> Tensor:
    """View of `(..., H, W)` as `(..., H/block, W/block, block, block)`: `[..., m, n, :, :]` is block (m, n), uncopied.

    Raises ValueError for sizes that are no multiples of `block`.
    """
    _check_size(c, block)
    return c.unflatten(-1, (-1, block)).unflatten(-3, (-1, block)).transpose(-3, -2)


def pixel_std(T: Tensor, block: int = 8) -> Tensor:
    """Standard deviation of each pixel when every coefficient of the block DCT moves by +T or -T at random.

    `T` is `(B, C, H, W)`, not negative, in the units of the orthonormal DCT, the coefficients in the place of their
    pixels as `dct` gives them; the result has its shape and units. In every block, with the DCT matrix D and "o" the
    element-wise product, `J^2 = (D o D)^T T^2 (D o D)`; the means of J^2 and of T^2 over a block are equal (Parseval).

    Strips of whole rows of blocks give bit for bit what the image gives. The gradient is finite
    in blocks where some T is above 0. Raises ValueError for sizes that are no multiples of `block`.
    """
    _check_size(T, block)
    squared = _basis(block, T.dtype, T.device).square()
    variance = _both_sides(squared.mT, T.square().reshape(-1, T.shape[-1]))
    return variance.sqrt().view(T.shape)


def across_blocks(values: Tensor, block: int = 8) -> Tensor:
    """One value per block spread over its columns: `(..., H/block, W/block)` to `(..., H/block, 1, W)`, any units.

    It broadcasts against an image of shape `(..., H/block, block, W)`, which is `x.unflatten(-2, (-1, block))`.
    """
    return values.repeat_interleave(block, -1).unsqueeze(-2)


def _transform(x: Tensor, block: int, out: Tensor | None, inverse: bool) -> Tensor:
    _check_size(x, block)
    if x.ndim != 4:
        raise ValueError(f"the shape is {tuple(x.shape)}; the DCT needs (B, C, H, W)")
    if not x.is_floating_point():
        raise TypeError(f"the DCT needs floating point values, not {x.dtype}; convert with .float() first")
    if out is not None:
        _check_out(x, out)
    if x.dtype in (torch.float16, torch.bfloat16):
        result = _transform(x.float(), block, None, inverse).to(x.dtype)
        return result if out is None else out.copy_(result)
    basis = _basis(block, x.dtype, x.device)
    left = basis.mT if inverse else basis
    with full_precision(x):
        if x.device.type != "cpu" or (torch.is_grad_enabled() and x.requires_grad) or traced():
            result = _both_sides(left, x.reshape(-1, x.shape[-1]), out).view(x.shape)
            return result if out is None else out
        out = fresh(x, x.shape[1]) if out is None else out
        if block == 8 and (kernel := native("dct", x, out)):
            rows, results = x.detach().reshape(-1, x.shape[-1]), out.view(-1, x.shape[-1])
            (kernel.inverse if inverse else kernel.forward)(rows.numpy(), results.numpy())
            return out
        for image, result in zip(x, out, strict=True):
            _in_strips(left, image, result)
    return out


def _in_strips(left: Tensor, image: Tensor, out: Tensor) -> None:
    block, width = len(left), image.shape[-1]
    height = max(_STRIP_PIXELS // width // block, 1) * block
    strips = image.reshape(-1, width).split(height), out.view(-1, width).split(height)
    for strip, result in zip(*strips, strict=True):
        _both_sides(left, strip, result)


def _both_sides(left: Tensor, rows: Tensor, out: Tensor | None = None) -> Tensor:
    """`left @ B @ left.mT` for every block B of `rows` `(n * block, W)`, without moving a block.

    A matrix of the batched products is one row of blocks: BLAS kernels round by the matrix's size, so that taking more
    rows at once in one matrix would make a pixel's last bit depend on the strip and the batch.
    """
    block, width = len(left), rows.shape[-1]
    count = rows.shape[0] // block  # len() would make a number of a graph's symbol
    left = left.expand(count, block, block)
    across = torch.bmm(rows.reshape(count, width, block), left.mT).view(count, block, width)
    return torch.bmm(left, across, out=None if out is None else out.view(across.shape))


def _basis(block: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Orthonormal DCT-II matrix, row k for frequency k. A fresh one: a tensor that is kept may be one of a trace."""
    return torch.tensor(_cosines(block), dtype=dtype, device=device)


@lru_cache(maxsize=64)
def _cosines(block: int) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(_cosine(k, n, block) for n in range(block)) for k in range(block))


def _cosine(k: int, n: int, block: int) -> float:
    phase = (2 * n + 1) * k % (4 * block)  # reduced while it is an integer: the cosine stays exact for large blocks
    return math.sqrt((2 if k else 1) / block) * math.cos(math.pi * phase / (2 * block))


def _check_size(x: Tensor, block: int) -> None:
    if block < 1:
        raise ValueError(f"block is {block}; it must be at least 1")
    if x.ndim < 2:
        raise ValueError(f"the shape is {tuple(x.shape)}; blocks need at least H and W")
    height, width = x.shape[-2:]
    if height % block or width % block or not (height and width):
        missing = [-size % block if size else block for size in (height, width)]
        raise ValueError(
            f"{height}x{width} does not divide into {block}x{block} blocks; "
            f"pad by {missing[0]} rows at the bottom and {missing[1]} columns at the right"
        )


def _check_out(x: Tensor, out: Tensor) -> None:
    for name in ("shape", "dtype", "device"):
        wanted, given = getattr(x, name), getattr(out, name)
        if given != wanted:
            raise ValueError(f"out has {name} {given}, the input {wanted}; make it with torch.empty_like")
    if not out.is_contiguous():
        raise ValueError(f"out has strides {out.stride()}; it must be contiguous")
    if torch.is_grad_enabled() and (x.requires_grad or out.requires_grad):
        raise ValueError("out= carries no gradients; leave it away, or call under torch.no_grad()")
