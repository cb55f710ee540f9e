"""The place on a codec's knob at which a score is just reached, in as few encodings as can be."""

import math
from collections.abc import Callable, Mapping

import numpy as np

SLOPE = 70.0  # points of SSIMULACRA 2 that a knob brings over its whole length, until two places say more
BEGIN = 0.75  # of the knob's length, where nothing is known
STEEPEST = 200.0  # points over the whole length, at most
MOST = 4  # guesses by straight lines; then halves


def solve(
    score: Callable[[int], float],
    wanted: float,
    last: int,
    *,
    curve: Mapping[int, float] | None = None,
    below: int = 0,
    smaller: Callable[[int], int] | None = None,
    enough: float = 0.0,
) -> int | None:
    """The lowest place of 0..`last` whose score is at least `wanted`, and the next below is not; None where none is.

    As if scores rose with places. score: of a place, asked once for each; infinite: of no interest, as its file is too
    large; smaller: of such a place, where files may be small enough. Where no file that is small enough reaches
    `wanted`, the place is that of one that is too large, or None.
    curve: scores of a like image by place, which tell where to begin and how steep it is. below: as scores do not quite
    rise, this many places under the one that is found are tried too, and the lowest that reaches is given. enough: a
    place that is less than this above `wanted` is taken at once.
    """
    known: dict[int, float] = {}
    low, high = -1, last + 1
    place, guesses = _begin(curve, wanted, last), 0
    while True:
        known[place] = score(place)
        low, high = (low, place) if known[place] >= wanted else (place, high)
        if high - low <= 1 or known.get(high, math.inf) - wanted < enough:
            break
        if known.get(high) == math.inf and known.get(low, wanted) + STEEPEST / max(last, 1) * (high - 1 - low) < wanted:
            return None
        guess = (low + high) // 2
        if known.get(high) == math.inf and smaller is not None:
            guess = smaller(high)
        elif guesses < MOST:
            guess = _guess(known, curve, wanted, place, low, high, SLOPE / max(last, 1))
        place = min(max(guess, low + 1), high - 1)
        guesses += 1
    if high > last:
        return None
    under = range(max(high - below, 0), high)
    return next((one for one in under if (known[one] if one in known else score(one)) >= wanted), high)


def _begin(curve: Mapping[int, float] | None, wanted: float, last: int) -> int:
    if not curve:
        return round(BEGIN * last)
    reached = [place for place, value in curve.items() if value >= wanted]
    return min(reached, default=max(curve))


def _guess(
    known: Mapping[int, float],
    curve: Mapping[int, float] | None,
    wanted: float,
    place: int,
    low: int,
    high: int,
    slope: float,
) -> int:
    """The place at which the score should be reached, by a straight line or by the curve of a like image."""
    value = known[place]
    a, b = known.get(low, math.nan), known.get(high, math.inf)
    if math.isfinite(a) and math.isfinite(b):
        return low + math.ceil((wanted - a) / (b - a) * (high - low))
    if not math.isfinite(value):
        return (low + high) // 2
    steep = slope
    finite = {one: of for one, of in (curve or known).items() if math.isfinite(of)}
    if len(finite) > 1:
        places = np.array(sorted(finite))
        scores = np.maximum.accumulate([finite[one] for one in places.tolist()])
        nearest = np.abs(places - place).argmin()
        around = slice(max(nearest - 1, 0), nearest + 2)
        run = np.ptp(places[around])
        steep = max(float(np.ptp(scores[around]) / max(run, 1)), slope / 4)
    step = (wanted - value) / steep
    return place + (math.ceil(step) if step > 0 else min(math.floor(step), -1))
