"""Rate-distortion optimised quantisation of JPEG blocks: the cheapest levels that are still near enough.

A block is written as pairs of a run of zeros and a level, and an end. The best such sequence is found by dynamic
programming over the places of the zigzag (Ramchandran and Vetterli, 1994; mozjpeg and jpegli do likewise), all blocks
of a plane at once. DC is written as differences from block to block, and its best sequence is found over them.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

PLACES = 64
ZIGZAG = sorted(range(PLACES), key=lambda n: (n // 8 + n % 8, n // 8 if (n // 8 + n % 8) % 2 else n % 8))
RUNS, SIZES = 16, 11  # of a symbol: zeros before it, bits of its magnitude
SYMBOLS = 162  # that a table of AC codes has
UNSEEN = 0.3  # counts of a symbol that was not seen
LONGEST = 16.0  # bits of a Huffman code
REACH = 2048  # no DC level is so large
_NEVER = 1e3  # bits of what cannot be written
_EDGES = (0, 2, 4, 6, 9, 12, 16, 21, 28, 36, 48, 63)  # blocks are solved together whose last level lies between two
_AT_ONCE = 8192  # blocks


class Code(NamedTuple):
    """Bits of a level by the zeros before it and its size `(63, SIZES)`, its sign and value among them; of an end."""

    bits: Tensor
    end: float


def counted(levels: Tensor) -> Tensor:
    """How often each symbol is in these levels: int64 `(17, SIZES)` by the zeros before a level and its size.

    levels: `(N, 64)` whole numbers in zigzag order; the first, DC, is not looked at. In the last row: sixteen zeros
    more, and ends of blocks.
    """
    block, place = levels[:, 1:].nonzero(as_tuple=True)
    before = torch.cat([place.new_full((1,), -1), place[:-1]])[: len(place)]
    first = torch.ones_like(block, dtype=torch.bool)
    first[1:] = block[1:] != block[:-1]
    run = place - before.masked_fill(first, -1) - 1
    symbol = run % RUNS * SIZES + sizes(levels[:, 1:][block, place])
    counts = torch.zeros(RUNS + 1, SIZES, dtype=torch.int64, device=levels.device)
    counts[:RUNS] = torch.bincount(symbol, minlength=RUNS * SIZES).view(RUNS, SIZES)
    counts[RUNS, 0], counts[RUNS, 1] = (run // RUNS).sum(), (levels[:, -1] == 0).sum()
    return counts


def code_of(counts: Tensor) -> Code:
    """What the best Huffman code takes for symbols so often: -log2 of their frequencies, nearly. counts: `counted`."""
    seen, (long, ends) = counts[:RUNS, 1:].double(), counts[RUNS, :2].double()
    total = seen.sum() + long + ends + UNSEEN * SYMBOLS

    def length(count: Tensor) -> Tensor:
        return -((count + UNSEEN) / total).log2().clamp(-LONGEST, -1)

    table = torch.full((RUNS, SIZES), _NEVER, dtype=torch.double, device=counts.device)
    table[:, 1:] = length(seen) + torch.arange(1, SIZES, device=counts.device)
    zeros = torch.arange(PLACES - 1, device=counts.device)
    bits = table[zeros % RUNS] + (zeros // RUNS * length(long))[:, None]
    return Code(bits.float(), float(length(ends)))


def sizes(levels: Tensor) -> Tensor:
    """Bits of the magnitude of levels, at most 10: the size in a JPEG's symbol."""
    return torch.frexp(levels.abs().float())[1].long().clamp_(max=SIZES - 1)


def optimized(c: Tensor, q: Tensor, w: Tensor, code: Code, trade: float) -> Tensor:
    """AC levels that minimise sum w (c - q level)^2 + trade bits in each block; DC is rounded.

    c: coefficients `(N, 64)` in zigzag order; q: steps `(64,)`; w: the weight of errors in units of q, `(N, 1)` for a
    block or `(N, 64)` for each coefficient. Returns int16 `(N, 64)`: the nearest level, the next one to zero, or 0. For
    DC see `chained`.
    """
    scaled = (c / q).T.contiguous()  # (64, N): a place of all blocks is one row
    weights = w.expand(len(c), PLACES).T.contiguous()
    magnitude, top = scaled.abs(), scaled.abs().add(0.5).floor_()
    places = torch.arange(PLACES, device=c.device)[:, None]
    last = ((top > 0) * places).amax(0)
    out = torch.zeros_like(top)
    out[0] = scaled[0].round()
    rate = trade * code.bits
    for low, high in pairwise(_EDGES):
        for part in ((last > low) & (last <= high)).nonzero().squeeze(1).split(_AT_ONCE):
            if len(part):
                c_part, top_part, w_part = (x[: high + 1, part] for x in (magnitude, top, weights))
                best = _solved(c_part, top_part, w_part, rate, trade * code.end)
                out[1 : high + 1, part] = best.copysign(scaled[1 : high + 1, part])
    return out.T.short()


def _solved(c: Tensor, top: Tensor, w: Tensor, rate: Tensor, end: float) -> Tensor:
    """Magnitudes of the levels `(K, n)` at places 1 to K; c, top and w: `(K + 1, n)`, in steps.

    cost[k] is that of the best sequence whose last level so far stands at k, less what zeros everywhere would cost.
    """
    last = len(c) - 1
    zero = w * c.square()
    cost = torch.full_like(c, torch.inf)
    cost[0] = 0
    came_from, level = torch.zeros_like(c, dtype=torch.int64), torch.zeros_like(c)
    for k in range(1, last + 1):
        at = (top[k] > 0).nonzero().squeeze(1)
        if not len(at):
            continue
        runs, before = rate[:k].flip(0), cost[:k, at]  # a run of k - 1 - j zeros from place j
        value, here, weight = top[k, at], c[k, at], w[k, at]
        best, where = (before + runs[:, sizes(value)]).min(0)
        best += weight * (here - value).square_()
        more = (value > 1).nonzero().squeeze(1)
        if len(more):
            lower = value[more] - 1
            other, place = (before[:, more] + runs[:, sizes(lower)]).min(0)
            other += weight[more] * (here[more] - lower).square_()
            wins = other < best[more]
            chosen = more[wins]
            best[chosen], where[chosen], value[chosen] = other[wins], place[wins], lower[wins]
        cost[k, at] = best - zero[k, at]
        came_from[k, at], level[k, at] = where, value
    total = cost + end
    if last == PLACES - 1:
        total[last] = cost[last]  # a block that is full has no end
    current = total.argmin(0)
    out = torch.zeros_like(c[1:])
    for k in range(last, 0, -1):
        hit = current == k
        out[k - 1] = level[k].where(hit, 0)
        current = came_from[k].where(hit, current)
    return out


def difference_bits(levels: np.ndarray) -> np.ndarray:
    """Bits of a difference of DC by its magnitude, float64 `(4096,)`: of the best code for these levels, nearly.

    levels: `(n,)` DC in the order of the file.
    """
    size = np.frexp(np.arange(2 * REACH, dtype=np.float32))[1]
    counts = np.bincount(size[np.abs(np.diff(levels.astype(np.int64), prepend=0))], minlength=size[-1] + 1)
    code = -np.log2((counts + UNSEEN) / (counts + UNSEEN).sum()).clip(1, LONGEST)
    return code[size] + size


def chained(x: np.ndarray, w: np.ndarray, bits: np.ndarray, out: np.ndarray) -> None:
    """DC levels that minimise sum w (x - level)^2 + bits of the differences, into `out` `(n,)` int16.

    x: DC in steps, w: weights, float64 `(n,)`. bits: by the magnitude of a difference, times their trade. A level is
    the whole number below x or above it. In plain numbers, so that it can be compiled.
    """
    before, low_cost, high_cost = 0, 0.0, np.inf
    came_from_high = np.zeros((len(x), 2), np.bool_)
    for k in range(len(x)):
        low = int(np.floor(x[k]))
        rise, error = low - before, x[k] - low
        level, other = low_cost + bits[abs(rise)], high_cost + bits[abs(rise - 1)]
        came_from_high[k, 0] = other < level
        lower = min(level, other) + w[k] * error * error
        level, other = low_cost + bits[abs(rise + 1)], high_cost + bits[abs(rise)]
        came_from_high[k, 1] = other < level
        low_cost, high_cost = lower, min(level, other) + w[k] * (1 - error) * (1 - error)
        before = low
    high = 1 if high_cost < low_cost else 0
    for k in range(len(x) - 1, -1, -1):
        out[k] = int(np.floor(x[k])) + high
        high = 1 if came_from_high[k, high] else 0
