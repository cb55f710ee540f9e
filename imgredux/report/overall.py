"""Estimators over all data sets and levels together: one figure for each, and by how much the first is ahead of it."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from imgredux.evaluate.results import Row
from imgredux.evaluate.summary import Mean, paired, pooled, summarise
from imgredux.protocols.equal_mse import PEAK, SPREAD
from imgredux.report.tables import EQUAL_MSE, YARDSTICKS, label_of, plus_minus

COUNTS = "ssimulacra2"


@dataclass(frozen=True)
class Standing:
    """One method at equal noise, over all pictures of all data sets.

    score: mean over pictures of a picture's mean over levels, of SSIMULACRA 2. behind: paired difference by which the
    first of the methods that may be compared is above this one. share: concentration over that of `localstd`, and
    peak: largest threshold over the map's rms; each the mean over the pictures of a data set, on the set where it is
    worst. packed: either is beyond its guard.
    """

    method: str
    yardstick: bool
    score: Mean
    behind: Mean
    share: float
    peak: float
    packed: bool

    @property
    def margin(self) -> str:
        """`behind` as text, with how many of its standard errors it is; a dash for the first itself."""
        mean, error, n = self.behind.mean, self.behind.error, self.behind.n
        if not n or not error:
            return "-"
        return f"{mean:.2f} {plus_minus(COUNTS, error)}, {mean / error:.1f} se"


def standings(rows: Sequence[Row]) -> list[Standing]:
    """All methods at equal noise, the best first; empty where there is but one data set, or no `localstd`."""
    mine = [row for row in rows if row["protocol"] == EQUAL_MSE and row["values"].get(COUNTS) is not None]
    names = dict.fromkeys(map(label_of, mine))
    if "localstd" not in names or len({row["dataset"] for row in mine}) < 2:
        return []
    guards = _guards(mine)
    packed = {name: share < SPREAD or peak > PEAK for name, (share, peak) in guards.items()}
    scores = {name: pooled(mine, name, COUNTS) for name in names}
    order = sorted(names, key=lambda name: -scores[name].mean)
    first = next((name for name in order if not packed[name]), order[0])
    return [
        Standing(name, name in YARDSTICKS, scores[name], paired(mine, first, name, COUNTS), *guards[name], packed[name])
        for name in order
    ]


def _guards(rows: Sequence[Row]) -> dict[str, tuple[float, float]]:
    """By method: the lowest share and the highest peak of its data sets."""
    means = {(one.label, one.dataset): one.values for one in summarise(rows)}
    shares: defaultdict[str, list[float]] = defaultdict(list)
    peaks: defaultdict[str, list[float]] = defaultdict(list)
    for (label, dataset), values in means.items():
        base = means.get(("localstd", dataset))
        if base and "concentration" in values and "peak" in values:
            shares[label].append(values["concentration"].mean / base["concentration"].mean)
            peaks[label].append(values["peak"].mean)
    labels = {label for label, _ in means}
    return {label: (min(shares[label], default=math.nan), max(peaks[label], default=math.nan)) for label in labels}
