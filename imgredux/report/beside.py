"""Printed figures beside ours: the same images, level, method and value, in columns of their own."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imgredux.evaluate.columns import column_of, heading, protocol_of
from imgredux.evaluate.published import Printed, Publication, publications
from imgredux.evaluate.summary import summarize
from imgredux.io.jsonl import Row


@dataclass(frozen=True)
class Beside:
    """What one publication prints for one data set, and ours where we measured the same.

    tables: one for each level. methods: as the paper calls them, all that any of the tables has. headings: by column.
    ours: by (method, level, value), rounded as the printed figure; several, parted by a slash, where several weights
    of the method were measured.
    """

    publication: Publication
    dataset: str
    tables: tuple[Printed, ...]
    methods: tuple[str, ...]
    headings: Mapping[str, str]
    ours: dict[tuple[str, float, str], str]


def beside(protocol: str, rows: Sequence[Row]) -> list[Beside]:
    """Everything printed for a protocol, by publication and data set, with ours."""
    means: defaultdict[tuple[str, str, float | None, str], list[float]] = defaultdict(list)
    for one in summarize(row for row in rows if row["protocol"] == protocol):
        for value, mean in one.values.items():
            means[_plain(one.dataset), _plain(one.method), one.level, value].append(mean.mean)
    found, spec = [], protocol_of(protocol)
    for publication in publications():
        printed = [table for table in publication.tables if table.protocol == protocol]
        for dataset in dict.fromkeys(table.dataset for table in printed):
            group = tuple(table for table in printed if table.dataset == dataset)
            methods = tuple(dict.fromkeys(method for table in group for method in table.rows))
            ours = {
                (method, table.level, value): text
                for table in group
                for method, figures in table.rows.items()
                for value, figure in zip(table.values, figures, strict=True)
                if (text := _ours(means, table, method, value, len(figure.partition(".")[2])))
            }
            columns = dict.fromkeys(value for table in group for value in table.values)
            headings = {value: heading(column_of(spec, value)) for value in columns}
            found.append(Beside(publication, dataset, group, methods, headings, ours))
    return found


def _ours(means: dict, table: Printed, method: str, value: str, digits: int) -> str:
    found = (mean for name in table.same for mean in means.get((_plain(name), _plain(method), table.level, value), ()))
    return " / ".join(f"{mean:.{digits}f}" for mean in found if not math.isnan(mean))


def _plain(name: str) -> str:
    """A name without the hyphens and capitals in which papers and folders differ."""
    return name.lower().replace("-", "").replace("_", "")
