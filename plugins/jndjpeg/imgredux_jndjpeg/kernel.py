"""The trellis in compiled loops: the levels that `trellis` finds, at tens of times its speed. Needs numba."""

import numpy as np
from numba import njit, types

from imgredux_jndjpeg import trellis

_f = np.float32
_PLACES = 64
_LARGEST = 10  # size of a level

_PLANE, _TABLE = types.Array(types.float32, 2, "A", readonly=True), types.float32[:, ::1]


@njit(nogil=True, cache=True, inline="always")
def _size(level):
    size = 0
    while level > 0 and size < _LARGEST:
        level >>= 1
        size += 1
    return size


@njit(
    (_PLANE, types.float32[::1], _PLANE, _TABLE, types.float32, types.int16[:, ::1]),
    nogil=True,
    cache=True,
    error_model="numpy",
)
def optimize(c, q, w, rate, end, out):
    """Levels of the blocks `c` `(N, 64)`, in zigzag order, into `out`. As `trellis.optimized`, whose letters these are.

    q: `(64,)`; w: `(N, 1 or 64)`; rate `(63, 11)`: what a level costs by the zeros before it and its size; end: what an
    end costs. Every sum is in the order of the tensors' sums, so that the levels are the same.
    """
    per_place = w.shape[1] > 1
    places = np.empty(_PLACES, np.int64)
    cost, level = np.empty(_PLACES, np.float32), np.empty(_PLACES, np.int32)
    origin = np.empty(_PLACES, np.int64)
    for n in range(c.shape[0]):
        for k in range(_PLACES):
            out[n, k] = 0
        out[n, 0] = np.int16(np.rint(c[n, 0] / q[0]))
        count = 1
        places[0], cost[0] = 0, 0
        for k in range(1, _PLACES):
            a = abs(c[n, k] / q[k])
            top = np.int32(np.floor(a + _f(0.5)))
            if top == 0:
                continue
            weight = w[n, k] if per_place else w[n, 0]
            best, chosen, where = _f(np.inf), top, 0
            for value in range(top, max(top - 2, 0), -1):
                size = _size(value)
                least, place = _f(np.inf), 0
                for j in range(count):
                    found = cost[j] + rate[k - 1 - places[j], size]
                    if found < least:
                        least, place = found, j
                least += weight * ((a - _f(value)) * (a - _f(value)))
                if least < best:
                    best, chosen, where = least, value, place
            places[count], cost[count] = k, best - weight * (a * a)
            level[count], origin[count] = chosen, where
            count += 1
        least, last = _f(np.inf), 0
        for j in range(count):
            total = cost[j] if places[j] == _PLACES - 1 else cost[j] + end  # a block that is full has no end
            if total < least:
                least, last = total, j
        while last > 0:
            k = places[last]
            out[n, k] = level[last] if c[n, k] > 0 else -level[last]
            last = origin[last]


@njit((_PLANE, types.float32[::1], types.float32, types.int64[:, ::1]), nogil=True, cache=True, error_model="numpy")
def count(c, q, dead_zone, counts):
    """Add to `counts` `(17, 11)` the symbols of the rounded levels of `c`, as `trellis.counted` counts them."""
    for n in range(c.shape[0]):
        last = 0
        for k in range(1, _PLACES):
            a = abs(c[n, k] / q[k])
            if a < dead_zone:
                continue
            level = np.int32(np.rint(a))
            if level == 0:
                continue
            run = k - last - 1
            counts[run % 16, _size(level)] += 1
            counts[16, 0] += run // 16
            last = k
        counts[16, 1] += last < _PLACES - 1


_DOUBLES = types.float64[::1]
chained = njit((_DOUBLES, _DOUBLES, _DOUBLES, types.int16[::1]), nogil=True, cache=True, error_model="numpy")(
    trellis.chained
)
