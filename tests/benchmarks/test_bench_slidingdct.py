"""SlidingDCT on luma beside the same sums done plainly: 64 shifted planes, each through SciPy's DCT and back."""

import numpy as np
import pytest
import scipy.fft
import torch

from imgredux import create
from imgredux.ops import ijg_tables, jpeg

STEPS = ijg_tables(20)[None]


def plain(plane: np.ndarray, threads: int) -> np.ndarray:
    """Thresholded windows at 64 shifts, weighted by (1 + kept)^-3, of a plane whose sides are multiples of 8."""
    t = 0.4 / 255 * STEPS[0, 0].numpy()[:, None]
    padded, total, weight = np.pad(plane, 8, "edge"), 0, 0
    for shift in np.ndindex(8, 8):
        shifted = np.roll(padded, shift, (0, 1))
        tiles = shifted.reshape(len(shifted) // 8, 8, -1, 8)
        C = scipy.fft.dctn(tiles, axes=(1, 3), norm="ortho", workers=threads)
        C *= abs(C) > t
        w = (1.0 + np.count_nonzero(C, axis=(1, 3), keepdims=True).astype(np.float32)) ** -3
        back = scipy.fft.idctn(C, axes=(1, 3), norm="ortho", workers=threads) * w
        undo = [-n for n in shift]
        total = total + np.roll(back.reshape(padded.shape), undo, (0, 1))
        weight = weight + np.roll(np.broadcast_to(w, back.shape).reshape(padded.shape), undo, (0, 1))
    return (total / weight)[8:-8, 8:-8]


@pytest.mark.parametrize("size", ["1 MP", "12 MP"])
@pytest.mark.parametrize("row", ["slidingdct", "slidingdct, stride 2", "scipy, 64 shifts"])
def test_slidingdct(measure, luma, threads, row, size):
    if row.startswith("scipy") and size == "12 MP":
        pytest.skip("minutes")
    x = jpeg(luma(size) / 255, 20)
    method = create("slidingdct", stride=2 if row.endswith("2") else 1)
    run = (lambda: plain(x[0, 0].numpy(), threads)) if row.startswith("scipy") else lambda: method(x, qtable=STEPS)
    with torch.no_grad():
        measure(run, task=f"slidingdct, {size}", row=row, pixels=x.numel(), rounds=2 if size == "12 MP" else 3)
