"""JPEG as it is on disk (libjpeg, through Pillow), and a differentiable stand-in for training (kornia's)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from io import BytesIO
from threading import Lock
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageFile
from torch import Tensor

from imgredux.ops.color import luma

Tables = Sequence[int] | Sequence[Sequence[int]] | np.ndarray | Tensor

_SUBSAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")
_LARGEST_SIDE = 65500  # libjpeg's JPEG_MAX_DIMENSION
_pillow_buffer = Lock()


def jpeg_bytes(
    x: Tensor,
    quality: int = 75,
    *,
    qtables: Tables | None = None,
    subsampling: str = "4:2:0",
    optimize: bool = False,
    progressive: bool = False,
) -> list[bytes]:
    """JPEG files of a batch, one per image, written by libjpeg.

    `x` is `(B, C, H, W)` in [0, 1], clipped and rounded to 8 bits; C = 1 gives a greyscale file, C = 3 one in YCbCr.
    `quality` is 1..100. `qtables` takes its place: 1 to 3 quantization tables for Y, Cb and Cr, the last one serving
    the rest, of steps 1..255 in orthonormal DCT units of 8-bit samples; `(n, 8, 8)` or `(n, 64)`, in row-major order.
    `subsampling` of the chroma is "4:4:4", "4:2:2" or "4:2:0". `optimize` fits the Huffman tables; it and `progressive`
    change the size only.

    Raises ValueError for a value outside these ranges, and for sides over 65500 pixels.
    """
    _check_image(x)
    options: dict[str, Any] = {"optimize": optimize, "progressive": progressive}
    if qtables is not None:
        options["qtables"] = _tables(qtables)[: x.shape[1]]  # never with `quality`: Pillow would scale them by it
    elif quality in range(1, 101):
        options["quality"] = int(quality)
    else:
        raise ValueError(f"quality is {quality}; give a whole number from 1 to 100")
    if subsampling not in _SUBSAMPLINGS:
        raise ValueError(f"subsampling is {subsampling!r}; choose one of {', '.join(_SUBSAMPLINGS)}")
    if x.shape[1] == 3:
        options["subsampling"] = subsampling
    return [_encode(pixels, options) for pixels in _to_8_bit(x)]


def jpeg(x: Tensor, quality: int = 75, *, qtables: Tables | None = None, subsampling: str = "4:2:0") -> Tensor:
    """What is left of `x` after libjpeg: encoded as `jpeg_bytes` does, and decoded again.

    `(B, C, H, W)` in [0, 1] to the same shape, dtype and device, in multiples of 1/255.
    Detached: no gradient passes through real JPEG (`jpeg_soft` has one). Raises as `jpeg_bytes`.
    """
    files = jpeg_bytes(x, quality, qtables=qtables, subsampling=subsampling)
    result = torch.empty_like(x, requires_grad=False)
    for decoded, data in zip(result, files, strict=True):
        pixels = torch.tensor(np.asarray(Image.open(BytesIO(data)))).to(x.device, x.dtype).div_(255)
        decoded.copy_(pixels.view(*x.shape[2:], x.shape[1]).permute(2, 0, 1))
    return result


def jpeg_soft(x: Tensor, quality: float | Tensor) -> Tensor:
    """Differentiable JPEG of Reich et al. (2024), as kornia has it: for training only, 35 to 41 dB away from libjpeg.

    `(B, C, H, W)` in [0, 1] to the same shape and dtype, C = 1 or 3, chroma 4:2:0. `quality` is 1..100, one number or
    a tensor `(B,)`; gradients reach both. Raises ValueError for other shapes.
    """
    from kornia.enhance import jpeg_codec_differentiable  # here: it adds 0.16 s to the import of torch

    _check_image(x)
    rates = torch.as_tensor(quality, device=x.device).float().reshape(-1)
    if len(rates) not in (1, len(x)):
        raise ValueError(f"quality has {len(rates)} values for {len(x)} images; give one for all, or one for each")
    if x.shape[1] == 1:
        return luma(jpeg_codec_differentiable(x.expand(-1, 3, -1, -1), rates))
    return jpeg_codec_differentiable(x, rates)


def _check_image(x: Tensor) -> None:
    if x.ndim != 4 or x.shape[1] not in (1, 3) or not x.is_floating_point():
        raise ValueError(f"got {x.dtype} {tuple(x.shape)}; JPEG needs floats (B, C, H, W) with 1 or 3 channels")
    if not 0 < min(x.shape[2:]) <= max(x.shape[2:]) <= _LARGEST_SIDE:
        raise ValueError(f"the image is {x.shape[2]}x{x.shape[3]}; the sides of a JPEG are 1 to {_LARGEST_SIDE} pixels")


def _tables(qtables: Tables) -> list[list[int]]:
    tables = qtables.cpu().numpy() if isinstance(qtables, Tensor) else np.asarray(qtables)
    if tables.shape[-1:] != (64,) and tables.shape[-2:] != (8, 8):
        raise ValueError(f"qtables has shape {tables.shape}; give (n, 8, 8) or (n, 64)")
    if not np.issubdtype(tables.dtype, np.integer):
        raise ValueError(f"qtables holds {tables.dtype}; JPEG stores whole numbers, so round and convert them")
    if tables.size and not 1 <= tables.min() <= tables.max() <= 255:
        raise ValueError(f"qtables has steps from {tables.min()} to {tables.max()}; 8-bit JPEG allows 1 to 255")
    rows = tables.reshape(-1, 64).tolist()
    if not 1 <= len(rows) <= 3:
        raise ValueError(f"qtables holds {len(rows)} tables; give 1 to 3, for Y, Cb and Cr")
    return rows


def _to_8_bit(x: Tensor) -> np.ndarray:
    """`(B, C, H, W)` in [0, 1] as uint8 `(B, H, W, C)`, or `(B, H, W)` for one channel."""
    x = x.detach().float() if x.dtype.itemsize < 4 else x.detach()
    pixels = x.mul(255).round_().clamp_(0, 255).to(torch.uint8)
    return (pixels.squeeze(1) if x.shape[1] == 1 else pixels.permute(0, 2, 3, 1).contiguous()).cpu().numpy()


def _encode(pixels: np.ndarray, options: dict[str, Any]) -> bytes:
    file = BytesIO()
    in_one_piece = options["optimize"] or options["progressive"]
    with _room_for(4 * pixels.size) if in_one_piece else nullcontext():
        Image.fromarray(pixels).save(file, "JPEG", **options)
    return file.getvalue()


@contextmanager
def _room_for(size: int) -> Iterator[None]:
    """Widen Pillow's write buffer, which must hold an optimized file whole: Pillow's guess is too small for noise."""
    with _pillow_buffer:
        before = ImageFile.MAXBLOCK
        ImageFile.MAXBLOCK = max(before, size)
        try:
            yield
        finally:
            ImageFile.MAXBLOCK = before
