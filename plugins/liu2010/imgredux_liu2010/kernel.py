"""The iterations of `decomposition` in compiled loops, to the same bits. Needs numba."""

import numpy as np
from numba import njit, types

_f = np.float32
_ROWS, _COLUMNS = 16, 1024  # of a tile: with the pixels that it climbs over, it stays in a second-level cache
_exact = {"nogil": True, "cache": True, "error_model": "numpy"}
_PLANE = types.float32[:, ::1]


@njit(**_exact)
def _along(p, ubar, reach, n):
    for i in range(n):
        p[i] = min(max(p[i] + ubar[i + 1] - ubar[i], -reach), reach)


@njit(**_exact)
def _both(x, y, ubar, below, reach, n):
    for i in range(n):
        x[i] = min(max(x[i] + ubar[i + 1] - ubar[i], -reach), reach)
        y[i] = min(max(y[i] + below[i] - ubar[i], -reach), reach)


@njit(**_exact)
def _divergence(x, y, above, out, n):
    for i in range(n):
        out[i] = x[i + 1] + y[i] - x[i] - above[i]


@njit(**_exact)
def _primal(f, u, ubar, limit, n):
    for i in range(n):
        new = u[i] + ubar[i] * _f(0.125)
        new = new - min(max(new - f[i], -limit), limit)
        ubar[i] = new + (new - u[i])
        u[i] = new


@njit((_PLANE, _PLANE, _PLANE, _PLANE, _PLANE, types.int64, types.float32, types.float32), **_exact)
def sweep(f, u, ubar, x, y, depth, reach, limit):
    """`depth` iterations on the whole image, in place. x, y `(H, W + 1)`, `(H + 1, W)`: dual variables over sigma, with
    a column and a row of zeros before them.

    An iteration reads one row below and one column to the right of what it writes: a tile that climbs one row and one
    column with each finds every pixel as iterations over the whole image would have left it.
    """
    height, width = f.shape
    for bottom in range(_ROWS, height + _ROWS + depth - 1, _ROWS):
        for right in range(_COLUMNS, width + _COLUMNS + depth - 1, _COLUMNS):
            for climbed in range(depth):
                left, end = max(right - _COLUMNS - climbed, 0), min(right - climbed, width)
                n = end - left
                if n <= 0:
                    continue
                inner = min(end, width - 1) - left  # nothing flows out at the right
                for row in range(max(bottom - _ROWS - climbed, 0), min(bottom - climbed, height)):
                    here = ubar[row, left:]
                    if row + 1 == height:  # nothing flows out below
                        _along(x[row, left + 1 :], here, reach, inner)
                    else:
                        below, down = ubar[row + 1, left:], y[row + 1, left:]
                        _both(x[row, left + 1 :], down, here, below, reach, inner)
                        if inner < n:
                            down[inner] = min(max(down[inner] + below[inner] - here[inner], -reach), reach)
                    # `here` is not read any more until it is new: it holds the divergence meanwhile.
                    _divergence(x[row, left:], y[row + 1, left:], y[row, left:], here, n)
                    _primal(f[row, left:], u[row, left:], here, limit, n)
