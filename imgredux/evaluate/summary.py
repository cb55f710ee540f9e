"""Means and standard errors over images of the rows of `imgredux eval`. Imports no torch."""

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from imgredux.io.jsonl import Row


@dataclass(frozen=True)
class Mean:
    """A mean over n images, and its standard error std(ddof=1) / sqrt(n): NaN for one image, both NaN for none."""

    mean: float
    error: float
    n: int


@dataclass(frozen=True)
class Summary:
    """One method at one level on one data set: what a line of a table shows.

    weights: their tag, or a user's file by its name; empty for a method without. n: images that have values; missing:
    images that have none, each with a problem in its row. values: by column. seconds: the method's own time per image.
    seeds: the noise seeds, averaged per image before anything else. commit: of imgredux, several joined by a comma.
    """

    protocol: str
    method: str
    weights: str
    dataset: str
    level: float | None
    n: int
    missing: int
    values: dict[str, Mean]
    seconds: float
    seeds: tuple[int, ...]
    commit: str

    @property
    def label(self) -> str:
        """The method as `imgredux.get` takes it: name, or name.tag; or its name and that of a file of weights."""
        return label(self.method, self.weights)


def label(method: str, weights: str) -> str:
    """A method and the tag of its weights in one word."""
    return f"{method}.{weights}".rstrip(".")


def label_of(row: Row) -> str:
    """The method of a row, with the tag of its weights."""
    return label(row["method"], row["weights"])


def summarize(rows: Iterable[Row]) -> list[Summary]:
    """One Summary for each protocol, method, weights, data set and level among the rows, in their order of appearance.

    Values are averaged over the seeds of an image, then over images; None (a measurement that had no result) and what
    an image lacks are left out.
    """
    groups: defaultdict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in ("protocol", "method", "weights", "dataset", "level"))].append(row)
    return [_summary(group, members) for group, members in groups.items()]


def _summary(group: tuple[Any, ...], rows: list[Row]) -> Summary:
    columns = list(dict.fromkeys(column for row in rows for column in row["values"]))
    values = {column: _mean(list(_by_image(rows, column).values())) for column in columns}
    images = {row["image"] for row in rows}
    measured = {row["image"] for row in rows if any(value is not None for value in row["values"].values())}
    return Summary(
        *group,
        n=len(measured),
        missing=len(images - measured),
        values=values,
        seconds=statistics.fmean(row["seconds"] for row in rows),
        seeds=tuple(sorted({row["seed"] for row in rows})),
        commit=", ".join(sorted({row["commit"] for row in rows})),
    )


def _by_image(rows: Iterable[Row], column: str) -> dict[str, float]:
    """The value of each image that has one, averaged over its rows."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row["values"].get(column) is not None:
            found[row["image"]].append(float(row["values"][column]))
    return {image: statistics.fmean(values) for image, values in found.items()}


def _mean(values: list[float]) -> Mean:
    n = len(values)
    if n == 0:
        return Mean(math.nan, math.nan, 0)
    mean = statistics.fmean(values)
    spread = math.fsum((value - mean) ** 2 for value in values)  # statistics.stdev refuses infinities
    return Mean(mean, math.sqrt(spread / (n - 1) / n) if n > 1 else math.nan, n)


def pooled(rows: Iterable[Row], name: str, value: str) -> Mean:
    """A column of one method over all data sets among the rows: mean and standard error over images.

    name: as `Summary.label`. Levels and seeds of an image are averaged first.
    """
    return _over_images(_measured(rows, value, name)[name])


def paired(rows: Iterable[Row], a: str, b: str, value: str) -> Mean:
    """By how much method a exceeds method b in a column: mean and standard error over images of the difference.

    a, b: as `Summary.label`. Only what both have measured counts: the difference is taken for equal protocol, data set,
    image, level and seed, averaged over the levels and seeds of an image, then over the images of all data sets among
    the rows. Filter the rows for one data set or level.
    """
    found = _measured(rows, value, a, b)
    return _over_images({where: found[a][where] - found[b][where] for where in found[a].keys() & found[b].keys()})


def _measured(rows: Iterable[Row], value: str, *names: str) -> dict[str, dict[tuple[Any, ...], float]]:
    """By method, then by protocol, data set, image, level and seed: a column's values."""
    found: dict[str, dict[tuple[Any, ...], float]] = {name: {} for name in names}
    for row in rows:
        name = label(row["method"], row["weights"])
        if name in found and row["values"].get(value) is not None:
            where = tuple(row[part] for part in ("protocol", "dataset", "image", "level", "seed"))
            found[name][where] = float(row["values"][value])
    return found


def _over_images(values: dict[tuple[Any, ...], float]) -> Mean:
    """Mean over images of the mean over what was measured of each."""
    images: defaultdict[tuple[Any, ...], list[float]] = defaultdict(list)
    for where, one in values.items():
        images[where[:3]].append(one)
    return _mean([statistics.fmean(ones) for _, ones in sorted(images.items())])
