"""A step of `ops.flatzones`: pixels drawn towards those around them that are near in value."""

import numpy as np
from numba import njit, types

RADIUS = 2
_AROUND = [
    (down, across)
    for down in range(-RADIUS, RADIUS + 1)
    for across in range(-RADIUS, RADIUS + 1)
    if down or across
]  # fmt: skip
_DOWN = np.array([down for down, _ in _AROUND])
_ACROSS = np.array([across for _, across in _AROUND])
_NEARNESS = np.array([(down * down + across * across) ** -0.5 for down, across in _AROUND], np.float32)
_PLANES, _PLANE = types.float32[:, :, ::1], types.float32[:, ::1]


@njit(types.void(_PLANES, _PLANE, types.float64, types.float64, _PLANES), cache=True, fastmath={"contract"})
def drawn(wide, guide, reach, guide_reach, out):
    """Planes with RADIUS pixels around them to planes; guide: one such plane, or one without pixels."""
    one, zero = np.float32(1), np.float32(0)
    inverse, inverse_guide = np.float32(1 / reach**2), np.float32(1 / guide_reach**2)
    planes, height, width = out.shape
    guided, last = guide.shape[0] > 0, planes - 1
    total = np.empty((2, width), np.float32)
    weight = np.empty(width, np.float32)
    w = np.empty(width, np.float32)
    for i in range(height):
        y = i + RADIUS
        total[:] = zero
        weight[:] = one
        for k in range(_DOWN.size):
            row, shift, nearness = y + _DOWN[k], RADIUS + _ACROSS[k], _NEARNESS[k]
            if guided:
                for j in range(width):
                    apart = guide[row, j + shift] - guide[y, j + RADIUS]
                    v = max(one - apart * apart * inverse_guide, zero)
                    w[j] = nearness * v * v
            else:
                w[:] = nearness
            if last == 0:
                for j in range(width):
                    a = wide[0, row, j + shift] - wide[0, y, j + RADIUS]
                    v = max(one - a * a * inverse, zero)
                    v = w[j] * v * v
                    total[0, j] += v * a
                    weight[j] += v
            else:
                for j in range(width):
                    a = wide[0, row, j + shift] - wide[0, y, j + RADIUS]
                    b = wide[last, row, j + shift] - wide[last, y, j + RADIUS]
                    v = max(one - (a * a + b * b) * inverse, zero)
                    v = w[j] * v * v
                    total[0, j] += v * a
                    total[1, j] += v * b
                    weight[j] += v
        for j in range(width):
            out[0, i, j] = wide[0, y, j + RADIUS] + total[0, j] / weight[j]
        if last:
            for j in range(width):
                out[last, i, j] = wide[last, y, j + RADIUS] + total[1, j] / weight[j]
