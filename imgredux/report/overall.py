"""Methods over all data sets and levels together: one figure for each, and by how much the first is ahead of it."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imgredux.evaluate.columns import column_of, number, plus_minus
from imgredux.evaluate.summary import Mean, label_of, paired, pooled, summarize
from imgredux.io.jsonl import Row
from imgredux.methods.declarations import Column, ProtocolSpec

ABOUT = (
    "Means over the images of all data sets, each the mean over its levels. Behind: paired difference to the first "
    "that is within all bounds, and how many of its standard errors (se) that is. {guards}"
)


@dataclass(frozen=True)
class Standing:
    """One method over all images of all data sets.

    score: mean over images of an image's mean over levels, of the column that counts. behind: how far this one is below
    the first of the methods that may be compared, as a paired difference. guards: for each guard of the protocol, the
    mean over the images of the data set where it is worst; the ratio to the baseline's where the guard is relative.
    packed: one of them is out of its bounds.
    """

    method: str
    baseline: bool
    column: Column
    score: Mean
    behind: Mean
    guards: tuple[float, ...]
    packed: bool

    @property
    def figure(self) -> str:
        """`score` as text."""
        return f"{number(self.column, self.score.mean)} {plus_minus(self.column, self.score.error)}".rstrip()

    @property
    def margin(self) -> str:
        """`behind` as text, with how many of its standard errors it is; a dash for the first itself."""
        mean, error, n = self.behind.mean, self.behind.error, self.behind.n
        if not n or not error:
            return "-"
        return f"{number(self.column, mean)} {plus_minus(self.column, error)}, {mean / error:.1f} se"


def standings(spec: ProtocolSpec, rows: Sequence[Row]) -> list[Standing]:
    """All methods of a protocol, the best first; empty where there is but one data set, or no baseline."""
    mine = [row for row in rows if row["protocol"] == spec.name and row["values"].get(spec.counts) is not None]
    names = dict.fromkeys(map(label_of, mine))
    if spec.baseline not in names or len({row["dataset"] for row in mine}) < 2:
        return []
    guards = _guards(spec, mine)
    packed = {
        name: any(guard.broken(value) for guard, value in zip(spec.guards, values, strict=True))
        for name, values in guards.items()
    }
    column = column_of(spec, spec.counts)
    sign = 1 if column.higher_is_better is False else -1
    scores = {name: pooled(mine, name, spec.counts) for name in names}
    order = sorted(names, key=lambda name: sign * scores[name].mean)
    first = next((name for name in order if not packed[name]), order[0])
    return [
        Standing(
            name,
            name in spec.baselines,
            column,
            scores[name],
            paired(mine, first, name, spec.counts),
            guards[name],
            packed[name],
        )
        for name in order
    ]


def about(spec: ProtocolSpec) -> str:
    """What the table of all data sets shows, in words."""
    words = []
    for guard in spec.guards:
        over = f" over {spec.baseline}'s" if guard.relative else ""
        bound = f"below {guard.least:g}" if guard.least is not None else f"above {guard.most:g}"
        words.append(f"{guard.label.capitalize()}: {guard.column}{over}, on the data set where it is worst; † {bound}.")
    return ABOUT.format(guards=" ".join(words)).strip()


def _guards(spec: ProtocolSpec, rows: Sequence[Row]) -> Mapping[str, tuple[float, ...]]:
    """By method: each guard's value on the data set where it is worst, NaN where there is none."""
    means = {(one.label, one.dataset): one.values for one in summarize(rows)}
    found: dict[str, tuple[float, ...]] = {}
    for name in dict.fromkeys(name for name, _ in means):
        values: defaultdict[str, list[float]] = defaultdict(list)
        for (method, dataset), columns in means.items():
            base = means.get((spec.baseline, dataset), {})
            for guard in spec.guards:
                if method == name and guard.column in columns and (not guard.relative or guard.column in base):
                    share = base[guard.column].mean if guard.relative else 1.0
                    values[guard.column].append(columns[guard.column].mean / share)
        found[name] = tuple(
            guard.worst(values[guard.column]) if values[guard.column] else math.nan for guard in spec.guards
        )
    return found
