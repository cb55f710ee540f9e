"""A picture as the coefficients of its blocks, in strips of rows."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from imgredux import ops
from imgredux_jndjpeg.trellis import PLACES, ZIGZAG

N = 8
_STRIP, _HALO = 64, 2  # rows that are analyzed at once, and what local deviation sees above and below


def coefficients_of(samples: np.ndarray) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """Coefficients `(n, 64)` of luma, or of Y, Cb and Cr, as JPEG has them, in zigzag order; activity `(n,)` of luma.

    Between them, the coefficients of Cb and Cr of means of 2x2 samples. samples: 8 bits, `(H, W)` or `(H, W, 3)`; the
    last blocks are completed with their edges. In strips of rows.
    """
    height, width = samples.shape[:2]
    rows, columns = -(-height // N), -(-width // N)
    fewer, count = -(-columns // 2), 1 if samples.ndim == 2 else 3
    planes = [torch.empty(rows * columns, PLACES) for _ in range(count)]
    halves = [torch.empty(-(-rows // 2) * fewer, PLACES) for _ in range(count - 1)]
    activity = torch.empty(rows * columns)
    for top in range(0, rows * N, _STRIP):
        bottom = min(top + _STRIP, rows * N)
        start, stop = max(top - _HALO, 0), min(bottom + _HALO, rows * N)
        x = torch.from_numpy(samples[start:stop].astype(np.float32))
        x = x[None, None] if x.ndim == 2 else x.permute(2, 0, 1)[None]
        x = F.pad(x, (0, columns * N - width, 0, stop - start - x.shape[-2]), mode="replicate")
        x = x if x.shape[1] == 1 else 255 * ops.rgb_to_ycbcr(x / 255)
        deviation = ops.local_std(x[:, :1], 5, border="reflect")
        inside, blocks = slice(top - start, bottom - start), slice(top // N * columns, bottom // N * columns)
        activity[blocks] = ops.blocks(deviation[..., inside, :])[0, 0].mean((-2, -1)).flatten().log1p()
        x = x[:, :, inside] - 128
        for number, out in enumerate(planes):
            out[blocks] = _coefficients(x[:, number : number + 1])
        if halves:
            even = F.pad(x[:, 1:], (0, columns % 2 * N, 0, x.shape[-2] % (2 * N)), mode="replicate")
            half = F.avg_pool2d(even, 2)
            place = slice(top // N // 2 * fewer, (top // N // 2 + half.shape[-2] // N) * fewer)
            for number, out in enumerate(halves):
                out[place] = _coefficients(half[:, number : number + 1])
    return planes, halves, activity


def _coefficients(plane: Tensor) -> Tensor:
    return zigzag_order(ops.blocks(ops.dct(plane.contiguous()))[0, 0].flatten(0, 1))


def zigzag_order(blocks: Tensor) -> Tensor:
    return blocks.flatten(1)[:, ZIGZAG]
