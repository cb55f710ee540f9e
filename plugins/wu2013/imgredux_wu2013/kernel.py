"""The patch prediction in compiled loops: what `prediction._predict` computes, at four times its speed. Needs numba."""

import numpy as np
from numba import njit

_f = np.float32
_SIDE = 21  # of the window of candidates
_REACH = 10  # its radius
_HALO = 13  # that, and the radius of a 7x7 patch
_COLUMNS = 256  # of a tile: the running sums of its 441 candidates stay in a second-level cache
_NEVER = _f(1e9)  # exceeds any sum of squared differences
_ITSELF = _f(1e29)  # the pixel itself is no candidate
_VANISHING = _f(-60)  # less adds nothing to 1, and 2 ** -126 is near the slow subnormal numbers
_PER_PATCH = _f(1.4426950408889634 / 49)  # exp(-mean SSD / sigma2) = 2 ** (-SSD * this / sigma2)
# 2 ** f for -1 < f <= 0 as a polynomial, exact at 0: least squares of the relative error; within 2e-7.
_P1, _P2, _P3, _P4, _P5 = (_f(c) for c in (0.69314357, 0.2401789, 0.055294042, 0.0092021764, 0.00094351087))


@njit(nogil=True, fastmath=True, cache=True, inline="always")
def _exp2(t):
    """2 ** t for -126 <= t <= 0, in steps that vectorise: whole powers are added to the exponent field."""
    n = np.int32(t)
    f = t - _f(n)
    p = _f(((((_P5 * f + _P4) * f + _P3) * f + _P2) * f + _P1) * f + _f(1))
    return np.int32(p.view(np.int32) + (n << np.int32(23))).view(np.float32)


@njit(nogil=True, fastmath=True, cache=True)
def _add(sums, here, there, n):
    """Add a row's squared differences to the column sums of 21 candidates."""
    for k in range(_SIDE):
        s, c = sums[k], there[k:]
        for x in range(n):
            d = here[x] - c[x]
            s[x] += d * d


@njit(nogil=True, fastmath=True, cache=True)
def _slide(sums, here, there, here_before, there_before, n):
    """Let a row in and the row seven above it out."""
    for k in range(_SIDE):
        s, c, b = sums[k], there[k:], there_before[k:]
        for x in range(n):
            d = here[x] - c[x]
            e = here_before[x] - b[x]
            s[x] += d * d - e * e


@njit(nogil=True, fastmath=True, cache=True)
def _across(sums, ssd, least, n):
    """Sums of seven columns, and their minimum over the candidates so far."""
    for k in range(_SIDE):
        s, out = sums[k], ssd[k]
        for x in range(n):
            v = ((s[x] + s[x + 1]) + (s[x + 2] + s[x + 3])) + ((s[x + 4] + s[x + 5]) + s[x + 6])
            out[x] = v
            least[x] = min(least[x], v)


@njit(nogil=True, fastmath=True, cache=True)
def _gather(ssd, F, least, before, gain, num, den, n):
    """Weigh 21 candidates relative to the best so far; three at a time spare loads and stores."""
    for x in range(n):
        shrink = _exp2(max((least[x] - before[x]) * gain[x], _VANISHING))
        num[x] *= shrink
        den[x] *= shrink
    for k in range(0, _SIDE, 3):
        s0, s1, s2 = ssd[k], ssd[k + 1], ssd[k + 2]
        F0, F1, F2 = F[k:], F[k + 1 :], F[k + 2 :]
        for x in range(n):
            w0 = _exp2(max((least[x] - s0[x]) * gain[x], _VANISHING))
            w1 = _exp2(max((least[x] - s1[x]) * gain[x], _VANISHING))
            w2 = _exp2(max((least[x] - s2[x]) * gain[x], _VANISHING))
            den[x] += w0 + w1 + w2
            num[x] += w0 * F0[x] + w1 * F1[x] + w2 * F2[x]


@njit(nogil=True, fastmath=True, cache=True)
def predict_rows(padded, sigma2, out, top, bottom):
    """Rows top..bottom-1 of the prediction, not rounded, into out. All float32 in C order; only padded has a halo."""
    for left in range(0, out.shape[1], _COLUMNS):
        n = min(_COLUMNS, out.shape[1] - left)
        middle = left + _REACH  # the column of padded where the first pixel's patch begins
        sums = np.zeros((_SIDE, _SIDE, n + 6), np.float32)
        sums[_REACH, _REACH] = _ITSELF
        for y in range(top, top + 6):
            for k in range(_SIDE):
                _add(sums[k], padded[y + _REACH, middle:], padded[y + k, left:], n + 6)
        ssd = np.empty((_SIDE, n), np.float32)
        # One array each: rows of a shared one keep the loops from being vectorised.
        least, before, gain = np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.float32)
        num, den = np.empty(n, np.float32), np.empty(n, np.float32)
        for y in range(top, bottom):
            least[:] = _NEVER
            num[:] = 0
            den[:] = 0
            gain[:] = _PER_PATCH / sigma2[y, left : left + n]
            for k in range(_SIDE):
                here, there = padded[y + 6 + _REACH, middle:], padded[y + 6 + k, left:]
                if y == top:
                    _add(sums[k], here, there, n + 6)
                else:
                    _slide(sums[k], here, there, padded[y - 1 + _REACH, middle:], padded[y - 1 + k, left:], n + 6)
                before[:] = least
                _across(sums[k], ssd, least, n)
                _gather(ssd, padded[y + 3 + k, left + 3 :], least, before, gain, num, den, n)
            F = padded[y + _HALO, left + _HALO :]
            for x in range(n):
                out[y, left + x] = (num[x] + F[x]) / (den[x] + _f(1))
