"""Thresholded windows of the sliding DCT, one for every pixel: what `ops.sliding` computes in torch, in a cache.

The letters are those of `ops.sliding`. A window's columns are transformed once for all windows that share its rows;
the rows once for each window. All loops run over windows side by side, so many at a time, that nothing is left over:
with the same order of sums everywhere, a strip's or tile's place does not change a bit.
"""

import math

import numpy as np
from numba import njit, types

_f = np.float32
N = 8
TILE = 64  # windows side by side
_WIDE = TILE + N  # and the columns that they see, with one more
_1, _2, _3, _4, _5, _6, _7 = (TILE * k for k in range(1, 8))
_W1, _W2, _W3, _W4, _W5, _W6, _W7 = (_WIDE * k for k in range(1, 8))
C1, C2, C3, C4, C5, C6, C7 = (_f(math.cos(k * math.pi / 16) / 2) for k in range(1, 8))
_fast = {"nogil": True, "fastmath": {"contract", "nsz"}, "cache": True, "error_model": "numpy"}
_LIST, _PLANE = types.float32[::1], types.float32[:, ::1]


@njit(**_fast, inline="always")
def _forward(a0, a1, a2, a3, a4, a5, a6, a7):
    s0, s1, s2, s3 = a0 + a7, a1 + a6, a2 + a5, a3 + a4
    d0, d1, d2, d3 = a0 - a7, a1 - a6, a2 - a5, a3 - a4
    e0, e1, f0, f1 = s0 + s3, s1 + s2, s0 - s3, s1 - s2
    return (
        C4 * (e0 + e1),
        C1 * d0 + C3 * d1 + C5 * d2 + C7 * d3,
        C2 * f0 + C6 * f1,
        C3 * d0 - C7 * d1 - C1 * d2 - C5 * d3,
        C4 * (e0 - e1),
        C5 * d0 - C1 * d1 + C7 * d2 + C3 * d3,
        C6 * f0 - C2 * f1,
        C7 * d0 - C5 * d1 + C3 * d2 - C1 * d3,
    )


@njit(**_fast, inline="always")
def _inverse(c0, c1, c2, c3, c4, c5, c6, c7):
    e0, e1 = C4 * (c0 + c4), C4 * (c0 - c4)
    f0, f1 = C2 * c2 + C6 * c6, C6 * c2 - C2 * c6
    s0, s1, s2, s3 = e0 + f0, e1 + f1, e1 - f1, e0 - f0
    d0 = C1 * c1 + C3 * c3 + C5 * c5 + C7 * c7
    d1 = C3 * c1 - C7 * c3 - C1 * c5 - C5 * c7
    d2 = C5 * c1 - C1 * c3 + C7 * c5 + C3 * c7
    d3 = C7 * c1 - C5 * c3 + C3 * c5 - C1 * c7
    return s0 + d0, s1 + d1, s2 + d2, s3 + d3, s3 - d3, s2 - d2, s1 - d1, s0 - d0


@njit(**_fast)
def _columns(p, V):
    """The DCT of eight rows, `_WIDE` samples each."""
    for i in range(_WIDE):
        V[i], V[i + _W1], V[i + _W2], V[i + _W3], V[i + _W4], V[i + _W5], V[i + _W6], V[i + _W7] = _forward(
            p[i], p[i + _W1], p[i + _W2], p[i + _W3], p[i + _W4], p[i + _W5], p[i + _W6], p[i + _W7]
        )


@njit(**_fast)
def _rows(v, B):
    """One vertical frequency of the windows at `v`: their eight horizontal ones."""
    for i in range(TILE):
        B[i], B[i + _1], B[i + _2], B[i + _3], B[i + _4], B[i + _5], B[i + _6], B[i + _7] = _forward(
            v[i], v[i + 1], v[i + 2], v[i + 3], v[i + 4], v[i + 5], v[i + 6], v[i + 7]
        )


@njit(**_fast)
def _threshold(B, t, kept):
    for i in range(TILE):
        stays = abs(B[i]) > t
        B[i] = B[i] if stays else _f(0)
        kept[i] += _f(1) if stays else _f(0)


@njit(**_fast)
def _smoothness(kept, share, w):
    for i in range(TILE):
        one = _f(1) / (_f(1) + kept[i])
        w[i] = share[i] * (one * one * one)


@njit(**_fast)
def _back(B, w, out):
    for i in range(TILE):
        c = w[i]
        out[i], out[i + _1], out[i + _2], out[i + _3], out[i + _4], out[i + _5], out[i + _6], out[i + _7] = _inverse(
            c * B[i],
            c * B[i + _1],
            c * B[i + _2],
            c * B[i + _3],
            c * B[i + _4],
            c * B[i + _5],
            c * B[i + _6],
            c * B[i + _7],
        )


@njit(**_fast)
def _add(into, values):
    for i in range(TILE):
        into[i] += values[i]


@njit(**_fast)
def _copy(values, out, n):
    for i in range(n):
        out[i] = values[i]


@njit(**_fast)
def _columns_back(c, out):
    for i in range(TILE):
        out[i], out[i + _1], out[i + _2], out[i + _3], out[i + _4], out[i + _5], out[i + _6], out[i + _7] = _inverse(
            c[i], c[i + _1], c[i + _2], c[i + _3], c[i + _4], c[i + _5], c[i + _6], c[i + _7]
        )


@njit((_PLANE, _PLANE, types.float32, types.int64, _PLANE), **_fast)
def mean_of_windows(strip, t, on_grid, stride, out):
    """Weighted mean of the thresholded windows over each pixel: `strip` `(r + 14, W + 14)`, `out` `(r, W)`.

    strip begins 7 pixels above a row of blocks and as far to the left. t `(8, 8)`, in its units; (0, 0) is not looked
    at. on_grid: weight of windows that begin where a block begins, in each direction. stride: between windows, from
    there; side by side, the others are computed too, and weigh nothing.
    """
    height, width = strip.shape
    tiles = (width - N + TILE) // TILE
    padded = tiles * TILE + N
    x = np.zeros((height, padded), np.float32)
    x[:, :width] = strip
    first = (N - 1) % stride
    share = np.zeros(tiles * TILE, np.float32)
    share[first::stride] = 1
    share[N - 1 :: N] = on_grid
    p, V = np.empty(N * _WIDE, np.float32), np.empty(N * _WIDE, np.float32)
    B, b = np.empty(N * N * TILE, np.float32), np.empty(N * TILE, np.float32)
    kept, w = np.empty(TILE, np.float32), np.empty(TILE, np.float32)
    total, weight = np.empty((N, padded), np.float32), np.empty(padded, np.float32)
    sums, weights = np.zeros((height, padded), np.float32), np.zeros((height, padded), np.float32)
    for top in range(first, height - N + 1, stride):
        total[:] = 0
        weight[:] = 0
        here = on_grid if top % N == N - 1 else _f(1)
        for left in range(0, tiles * TILE, TILE):
            for k in range(N):
                _copy(x[top + k, left:], p[k * _WIDE :], _WIDE)
            _columns(p, V)
            kept[:] = 1
            for f in range(N):
                F = B[f * N * TILE :]
                _rows(V[f * _WIDE :], F)
                for g in range(N):
                    if f + g > 0:
                        _threshold(F[g * TILE :], t[f, g], kept)
            _smoothness(kept, share[left:], w)
            for i in range(TILE):
                w[i] *= here
            for f in range(N):
                _back(B[f * N * TILE :], w, b)
                for k in range(N - 1, -1, -1):  # windows from left to right
                    _add(total[f, left + k :], b[k * TILE :])
            for k in range(N - 1, -1, -1):
                _add(weight[left + k :], w)
        for left in range(0, tiles * TILE, TILE):
            for f in range(N):
                _copy(total[f, left:], p[f * TILE :], TILE)
            _columns_back(p, b)
            for k in range(N):
                _add(sums[top + k, left:], b[k * TILE :])
                _add(weights[top + k, left:], weight[left:])
    reach = N - 1
    for row in range(out.shape[0]):
        for i in range(out.shape[1]):
            out[row, i] = sums[row + reach, i + reach] / weights[row + reach, i + reach]
