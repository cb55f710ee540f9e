"""SSIMULACRA 2 of one scale, row by row: what `metrics.ssimulacra2` computes in torch, at several times its speed.

Columns go in tiles and rows in strips, so that all that a pixel needs stays in a second-level cache. Nothing of the
size of the image is written but both images at half the size. The formulas and their letters are those of the metric.
"""

import numpy as np
from numba import njit, types
from numba.extending import overload

_f = np.float32
REACH = 4  # of the blur
COLUMNS = 256  # of a tile, even
_ROWS = 16  # of a strip, even
_STRIDE = COLUMNS + 2 * REACH
_PLANE = (_ROWS + 2 * REACH) * _STRIDE  # a strip with its halo
_ROW = 2 * REACH * _STRIDE  # where the first new row of a strip begins
_1, _2, _3, _4, _5, _6, _7, _8 = (_STRIDE * n for n in range(1, 9))
# log2(1 + t) / t for -1/4 <= t <= 1/2, and 2 ** f for -1 < f <= 0: least squares of the error; within 2e-7 of each.
_L = (1.44269526, -0.72135067, 0.480847508, -0.360335201, 0.290073574, -0.250653386, 0.204129755, -0.0961651281)
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7 = (_f(c) for c in _L)
_P1, _P2, _P3, _P4, _P5 = (_f(c) for c in (0.69314357, 0.2401789, 0.055294042, 0.0092021764, 0.00094351087))
_KNEE = _f(0.04045)  # of the sRGB curve: linear below

_fast = {"nogil": True, "fastmath": True, "cache": True, "error_model": "numpy"}
# Of `tile`: images of any layout, their half size, and what is small. Named, so that each is compiled once.
_IMAGES = (types.Array(types.uint8, 3, "A", readonly=True), types.Array(types.float32, 3, "A", readonly=True))
_HALF, _LIST = types.float32[:, :, ::1], types.float32[::1]
_REST = (types.int64, _LIST, _LIST, types.boolean[:, ::1], _HALF, _HALF, types.float64[:, ::1])


@njit(**_fast, inline="always")
def _power(x):
    """x ** 2.4 for 0.09 <= x, in steps that vectorise."""
    bits = _f(x).view(np.int32)
    n = (bits - np.int32(0x3F400000)) >> np.int32(23)  # the mantissa is taken from 0.75 to 1.5
    t = np.int32(bits - (n << np.int32(23))).view(np.float32) - _f(1)
    p = ((((((_L7 * t + _L6) * t + _L5) * t + _L4) * t + _L3) * t + _L2) * t + _L1) * t + _L0
    e = _f(2.4) * (_f(n) + p * t)
    n = np.int32(e + _f(127)) - np.int32(127)  # rounded down: e is above -127
    f = e - _f(n) - _f(1)
    p = _f(((((_P5 * f + _P4) * f + _P3) * f + _P2) * f + _P1) * f + _f(1))
    return np.int32(p.view(np.int32) + ((n + np.int32(1)) << np.int32(23))).view(np.float32)


@njit(**_fast, inline="always")
def _root(x):
    """The cube root of x, of 1e-12 where x is less: a guess from the exponent, and two steps of third order."""
    a = _f(max(x, _f(1e-12)))
    r = np.int32(_f(0x54A21D2A) - _f(a.view(np.int32)) * _f(1 / 3)).view(np.float32)  # near a ** (-1/3)
    h = _f(1) - a * r * r * r
    r += r * h * (_f(1 / 3) + h * (_f(2 / 9) + h * _f(14 / 81)))
    h = _f(1) - a * r * r * r
    r += r * h * (_f(1 / 3) + h * _f(2 / 9))
    return a * r * r


def _light(row, curve, out, n):
    """Linear light of n samples, in compiled code alone: `_light_of` is what numba puts in its place."""
    raise TypeError("_light is called by compiled code alone")


@overload(_light, jit_options=_fast)  # pyright: ignore[reportArgumentType]
def _light_of(row, curve, out, n):
    if row.dtype == types.uint8:

        def from_bytes(row, curve, out, n):
            for i in range(n):
                out[i] = curve[row[i]]

        return from_bytes

    def from_floats(row, curve, out, n):
        for i in range(n):  # rows of channels-last images have gaps, which keep a loop from being vectorised
            out[i] = row[i]
        if len(curve) > 0:
            for i in range(n):
                v = out[i]
                u = (max(v, _KNEE) + _f(0.055)) * _f(1 / 1.055)
                out[i] = min(v, _KNEE) * _f(1 / 12.92) + (_power(u) - curve[0])

    return from_floats


@njit(**_fast)
def _opponents(r, g, b, X, Y, B, c, n):
    """Rescaled X, Y and B of linear light. c: bias, mix of the primaries by rows, offsets."""
    bias, m00, m01, m02, m10, m11, m12, m20, m21, m22 = c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9]
    x0, y0, b0 = c[10], c[11], c[12]
    for i in range(n):
        first = _root(m00 * r[i] + m01 * g[i] + m02 * b[i] + bias)
        second = _root(m10 * r[i] + m11 * g[i] + m12 * b[i] + bias)
        third = _root(m20 * r[i] + m21 * g[i] + m22 * b[i] + bias)
        middle = _f(0.5) * (first + second)
        X[i] = _f(7) * (first - second) + x0
        Y[i] = middle + y0
        B[i] = third - middle + b0


@njit(**_fast)
def _products(x, y, powers, squares, n):
    for i in range(n):
        powers[i] = x[i] * x[i] + y[i] * y[i]
        squares[i] = (x[i] - y[i]) * (x[i] - y[i])


@njit(**_fast)
def _down(p, out, t, n):
    """A row blurred vertically: the fifth of nine in a plane of `_STRIDE` columns."""
    t0, t1, t2, t3, t4 = t[0], t[1], t[2], t[3], t[4]
    for i in range(n):
        out[i] = (
            (t0 * p[i + _4] + t1 * (p[i + _3] + p[i + _5]))
            + (t2 * (p[i + _2] + p[i + _6]) + t3 * (p[i + _1] + p[i + _7]))
            + t4 * (p[i] + p[i + _8])
        )


@njit(**_fast)
def _across(p, out, t, n):
    """A row blurred horizontally, `REACH` shorter on both sides."""
    t0, t1, t2, t3, t4 = t[0], t[1], t[2], t[3], t[4]
    for i in range(n):
        out[i] = (
            (t0 * p[i + 4] + t1 * (p[i + 3] + p[i + 5]))
            + (t2 * (p[i + 2] + p[i + 6]) + t3 * (p[i + 1] + p[i + 7]))
            + t4 * (p[i] + p[i + 8])
        )


@njit(**_fast)
def _edges(x, y, mu_x, mu_y, n, sums):
    """Add means and 4th powers of artifacts and lost detail of a row."""
    a1, a4, l1, l4 = _f(0), _f(0), _f(0), _f(0)
    for i in range(n):
        there = abs(x[i] - mu_x[i])
        change = (abs(y[i] - mu_y[i]) - there) / (there + _f(1))
        more, less = max(change, _f(0)), max(-change, _f(0))
        a1 += more
        l1 += less
        more *= more
        less *= less
        a4 += more * more
        l4 += less * less
    sums[2] += a1
    sums[3] += a4
    sums[4] += l1
    sums[5] += l4


@njit(**_fast)
def _structure(mu_x, mu_y, powers, squares, c2, n, sums):
    """Add the mean and the 4th powers of SSIM's error of a row."""
    s1, s4 = _f(0), _f(0)
    for i in range(n):
        shift = (mu_x[i] - mu_y[i]) * (mu_x[i] - mu_y[i])
        spread = powers[i] - mu_x[i] * mu_x[i] - mu_y[i] * mu_y[i] + c2
        difference = squares[i] - shift
        d = max((difference + shift * (spread - difference)) / spread, _f(0))
        s1 += d
        d *= d
        s4 += d * d
    sums[0] += s1
    sums[1] += s4


@njit(**_fast)
def _halve(above, below, out, n):
    for i in range(n // 2):
        out[i] = _f(0.25) * ((above[2 * i] + above[2 * i + 1]) + (below[2 * i] + below[2 * i + 1]))
    if n % 2:
        out[n // 2] = _f(0.5) * (above[n - 1] + below[n - 1])


@njit([(image, image, *_REST) for image in _IMAGES], **_fast)
def tile(x, y, left, curve, constants, wanted, half_x, half_y, sums):
    """One tile of `COLUMNS` columns from `left` on, all rows.

    x, y: reference and image `(3, H, W)`: uint8 with the linear light of each level in `curve`; float32 sRGB in [0, 1]
    with one value in it, the power of the curve at its knee; or float32 linear light, and `curve` empty. constants:
    five taps, C2, then those of `_opponents`. wanted: of each channel, SSIM's error and the two others. half_x, half_y:
    `(3, ceil(H / 2), ceil(W / 2))` or empty. sums `(3, 6)` float64: of each map and of its 4th power, added to.
    """
    height, width = x.shape[1], x.shape[2]
    n = min(COLUMNS, width - left)
    begin, end = max(left - REACH, 0), min(left + n + REACH, width)
    inside, at, core = end - begin, begin - left + REACH, left - begin
    taps, c2, opponents = constants[:5], constants[5], constants[6:]
    planes = np.zeros((2, 3, _PLANE), np.float32)  # X, Y, B of x and of y
    powers, squares = np.zeros(_PLANE, np.float32), np.zeros(_PLANE, np.float32)
    light = np.empty((2, 3, 2, _STRIDE), np.float32)  # an even row and an odd one
    down, blurred = np.empty(_STRIDE, np.float32), np.empty((4, COLUMNS), np.float32)
    strip_sums = np.empty(6, np.float32)
    halving = half_x.shape[1] > 0
    # Each strip takes in `_ROWS` rows and gives as many, `REACH` above them; the first rows given are not of the image.
    for top in range(0, height + REACH, _ROWS):
        for row in range(top, top + _ROWS):
            start = _ROW + (row - top) * _STRIDE + at
            if row >= height:
                planes[:, :, start - at : start - at + _STRIDE] = 0
                continue
            odd = row % 2
            for k in range(3):
                _light(x[k, row, begin:end], curve, light[0, k, odd], inside)
                _light(y[k, row, begin:end], curve, light[1, k, odd], inside)
            for m in range(2):
                r, g, b = light[m, 0, odd], light[m, 1, odd], light[m, 2, odd]
                X, Y, B = planes[m, 0, start:], planes[m, 1, start:], planes[m, 2, start:]
                _opponents(r, g, b, X, Y, B, opponents, inside)
            if halving and (odd or row == height - 1):
                for k in range(3):
                    a, b = light[0, k, 0, core:], light[0, k, odd, core:]
                    _halve(a, b, half_x[k, row // 2, left // 2 :], n)
                    a, b = light[1, k, 0, core:], light[1, k, odd, core:]
                    _halve(a, b, half_y[k, row // 2, left // 2 :], n)
        first, last = max(REACH - top, 0), min(_ROWS, height + REACH - top)
        for k in range(3):
            structure, edges = wanted[k, 0], wanted[k, 1]
            if not (structure or edges):
                continue
            strip_sums[:] = 0
            if structure:
                _products(planes[0, k], planes[1, k], powers, squares, _PLANE)
            for row in range(first, last):
                here = row * _STRIDE
                for m in range(2):
                    _down(planes[m, k, here:], down, taps, _STRIDE)
                    _across(down, blurred[m], taps, n)
                if structure:
                    _down(powers[here:], down, taps, _STRIDE)
                    _across(down, blurred[2], taps, n)
                    _down(squares[here:], down, taps, _STRIDE)
                    _across(down, blurred[3], taps, n)
                    _structure(blurred[0], blurred[1], blurred[2], blurred[3], c2, n, strip_sums)
                if edges:
                    middle = here + _4 + REACH
                    _edges(planes[0, k, middle:], planes[1, k, middle:], blurred[0], blurred[1], n, strip_sums)
            for j in range(6):
                sums[k, j] += strip_sums[j]
        planes[:, :, :_ROW] = planes[:, :, _PLANE - _ROW :].copy()
