"""Figures that others printed, one JSON file a paper, with their source and what is unknown about how they were made.

They are shown beside our rows and never mixed with them. A figure is the text that was printed, digit for digit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

CURVES = "curves.json"  # of codecs, read by `imgredux.evaluate.bd_rate`


@dataclass(frozen=True)
class Printed:
    """The figures of one paper for one data set at one level.

    protocol: ours that comes nearest. where: the paper's table. dataset: as the paper calls it.
    same: names of our data sets that hold the same images; none when nobody else can have them.
    level: the MSE of the noise (squared grey levels) or the JPEG quality. values: the names of the columns.
    rows: method as the paper calls it -> the printed figures, one for each of `values`.
    """

    protocol: str
    where: str
    dataset: str
    same: tuple[str, ...]
    level: float
    values: tuple[str, ...]
    rows: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Publication:
    """A paper, its tables, what it does not say of its protocol, and how far to trust it."""

    key: str
    authors: str
    title: str
    venue: str
    year: int
    unknown: tuple[str, ...]
    caution: str
    tables: tuple[Printed, ...]


@cache
def publications() -> tuple[Publication, ...]:
    """Every publication in this folder, by key."""
    found = sorted(
        entry.name for entry in files(__name__).iterdir() if entry.name.endswith(".json") and entry.name != CURVES
    )
    return tuple(_read(name) for name in found)


def _read(name: str) -> Publication:
    data = json.loads((files(__name__) / name).read_text("utf-8"))
    tables = []
    for table in data.pop("tables"):
        rows = {method: tuple(figures) for method, figures in table.pop("rows").items()}
        same, values = tuple(table.pop("same")), tuple(table.pop("values"))
        tables.append(Printed(**table, same=same, values=values, rows=rows))
    unknown = tuple(data.pop("unknown"))
    return Publication(key=name.removesuffix(".json"), **data, unknown=unknown, tables=tuple(tables))
