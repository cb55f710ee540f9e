"""The mean of SSIM's map of one plane, row by row: what `metrics.ssim` computes in torch, at several times its speed.

Columns go in tiles and rows in strips: the four blurred planes of a strip stay in a cache. Constants are the metric's.
"""

import numpy as np
from numba import njit, types

_f = np.float32
WINDOW = 11
COLUMNS = 256  # of a tile
_ROWS = 16  # of a strip
_WIDE = COLUMNS + 16  # columns that a tile sees, and some that fill up
_HIGH = _ROWS + WINDOW  # one to spare
_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11 = (_WIDE * k for k in range(1, 12))
_exact = {"nogil": True, "fastmath": False, "cache": True, "error_model": "numpy"}  # so that equal images have 1
_fast = {**_exact, "fastmath": True}
_PLANE = types.Array(types.float32, 2, "C", readonly=True)


@njit(**_exact)
def _load(x, y, planes, n):
    """Rows of both images and of their products into the four planes, one after the other in memory."""
    for i in range(n):
        planes[i] = x[i]
        planes[i + _HIGH * _WIDE] = y[i]
        planes[i + 2 * _HIGH * _WIDE] = x[i] * y[i]
        planes[i + 3 * _HIGH * _WIDE] = x[i] * x[i] + y[i] * y[i]


@njit(**_fast)
def _down(p, out, t0, t1, t2, t3, t4, t5):
    """Two rows at a time, which share ten of their twelve."""
    for i in range(_WIDE):
        p1, p2, p3, p4, p5 = p[i + _1], p[i + _2], p[i + _3], p[i + _4], p[i + _5]
        p6, p7, p8, p9, p10 = p[i + _6], p[i + _7], p[i + _8], p[i + _9], p[i + _10]
        out[i] = (t0 * p5 + t1 * (p4 + p6)) + (t2 * (p3 + p7) + t3 * (p2 + p8)) + (t4 * (p1 + p9) + t5 * (p[i] + p10))
        out[i + _WIDE] = (
            (t0 * p6 + t1 * (p5 + p7)) + (t2 * (p4 + p8) + t3 * (p3 + p9)) + (t4 * (p2 + p10) + t5 * (p1 + p[i + _11]))
        )


@njit(**_fast)
def _across(p, out, t0, t1, t2, t3, t4, t5):
    for i in range(COLUMNS):
        out[i] = (
            (t0 * p[i + 5] + t1 * (p[i + 4] + p[i + 6]))
            + (t2 * (p[i + 3] + p[i + 7]) + t3 * (p[i + 2] + p[i + 8]))
            + (t4 * (p[i + 1] + p[i + 9]) + t5 * (p[i] + p[i + 10]))
        )


@njit(**_exact)
def _similarity(b, c1, c2, out):
    """Contrast times structure, and that times luminance, of a row of the four blurred planes."""
    for i in range(COLUMNS):
        mu_x, mu_y = b[i], b[i + COLUMNS]
        product, squares = mu_x * mu_y, mu_x * mu_x + mu_y * mu_y
        out[i] = (_f(2) * (b[i + 2 * COLUMNS] - product) + c2) / (b[i + 3 * COLUMNS] - squares + c2)
        out[i + COLUMNS] = out[i] * ((_f(2) * product + c1) / (squares + c1))


@njit(**_fast)
def _sum(values, n):
    total = _f(0)
    for i in range(n):
        total += values[i]
    return total


@njit((_PLANE, _PLANE, types.float32[::1], types.float32, types.float32, types.int64), **_fast)
def tile(x, y, taps, c1, c2, left):
    """Sums over windows that begin in `COLUMNS` columns from `left` on: of contrast times structure, and of SSIM.

    x, y: planes `(H, W)`, at least as large as a window. taps: the middle one of the 11, and five to one side.
    """
    height, width = x.shape
    inside = height - WINDOW + 1
    seen, n = min(COLUMNS + WINDOW - 1, width - left), min(COLUMNS, width - WINDOW + 1 - left)
    t0, t1, t2, t3, t4, t5 = taps[0], taps[1], taps[2], taps[3], taps[4], taps[5]
    planes = np.zeros(4 * _HIGH * _WIDE, np.float32)
    down, blurred = np.empty(2 * _WIDE, np.float32), np.empty(8 * COLUMNS, np.float32)
    similar = np.empty(2 * COLUMNS, np.float32)
    structure, all_three = 0.0, 0.0
    for top in range(0, inside, _ROWS):
        begin = 0 if top == 0 else WINDOW - 1  # rows before are there from the strip above
        rows = min(_ROWS, inside - top)
        for row in range(begin, rows + WINDOW - 1):
            _load(x[top + row, left:], y[top + row, left:], planes[row * _WIDE :], seen)
        for row in range(0, rows, 2):
            for k in range(4):
                _down(planes[(k * _HIGH + row) * _WIDE :], down, t0, t1, t2, t3, t4, t5)
                for odd in range(2):
                    _across(down[odd * _WIDE :], blurred[(4 * odd + k) * COLUMNS :], t0, t1, t2, t3, t4, t5)
            for odd in range(min(2, rows - row)):
                _similarity(blurred[4 * odd * COLUMNS :], c1, c2, similar)
                structure += _sum(similar, n)
                all_three += _sum(similar[COLUMNS:], n)
        for k in range(4):
            first = k * _HIGH * _WIDE
            for i in range((WINDOW - 1) * _WIDE):
                planes[first + i] = planes[first + _ROWS * _WIDE + i]
    return structure, all_three


@njit(**_fast)
def _means(above, below, out, n):
    for i in range(n):
        out[i] = _f(0.25) * ((above[2 * i] + above[2 * i + 1]) + (below[2 * i] + below[2 * i + 1]))


@njit((_PLANE, types.float32[:, ::1]), **_fast)
def halve(x, out):
    """Means of 2x2 samples of `x` `(H, W)` into `out` `(ceil(H / 2), ceil(W / 2))`. Odd sides: zeros at both ends."""
    height, width = x.shape
    down, across = height % 2, width % 2
    nothing = np.zeros(width, np.float32)
    for row in range(out.shape[0]):
        first = 2 * row - down
        above = x[first] if first >= 0 else nothing
        below = x[first + 1] if first + 1 < height else nothing
        _means(above[across:], below[across:], out[row, across:], width // 2)
        if across:
            out[row, 0] = _f(0.25) * (above[0] + below[0])
