"""The report as a Markdown file: a table for each protocol, one line a method, level and data set."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from imgredux.evaluate.bd_rate import RD
from imgredux.report.beside import Beside
from imgredux.report.codecs import ABOUT, Savings
from imgredux.report.overall import Standing
from imgredux.report.tables import Line, Table, level_of, name_of, plus_minus

NOTE = (
    "Mean ± standard error over images. Bold: the best of its data set and level. "
    "†: noise packed more tightly than 0.7 times localstd's concentration, not a fair comparison. "
    "‡: the realised MSE misses its target by more than 0.5 %."
)


OVERALL = (
    "Means over the pictures of all data sets, each the mean over its levels. Behind: paired difference to the first "
    "that is not packed, and how many of its standard errors (se) that is. Share: concentration over localstd's; peak: "
    "of the map over its rms; on the data set where each is worst. †: the share is below 0.7, or the peak above 8."
)


def markdown(
    found: Sequence[Table],
    printed: Mapping[str, Sequence[Beside]],
    overall: Sequence[Standing] = (),
    saved: Sequence[Savings] = (),
) -> str:
    """The file's text: our rows first, then what others printed, in tables of its own. printed: by protocol.

    overall: estimators at equal noise over all data sets. saved: what codecs save.
    """
    parts = []
    for protocol, publications in printed.items():
        mine = [table for table in found if table.protocol == protocol]
        parts += [f"# {_escaped(protocol)}", *(f"> {warning}" for table in mine for warning in _located(table))]
        parts.append(_ours(mine))
        if overall and mine[0].equal_mse:
            parts += ["## All data sets together", _standings(overall)]
        if saved and protocol == RD:
            parts += ["## Bytes at equal quality", *map(_savings, saved), ABOUT]
        if publications:
            parts += ["## Printed by others, not measured here", *_printed(publications)]
    return "\n\n".join(parts) + "\n"


def _located(table: Table) -> Iterator[str]:
    for warning in table.warnings:
        yield f"**{_escaped(table.dataset)}**: {_escaped(warning)}"


def _ours(found: Sequence[Table]) -> str:
    values = dict.fromkeys(column.value for table in found for column in table.columns)
    head = [
        "data set",
        found[0].level_name,
        "method",
        *map(name_of, values),
        "n",
        "s/image",
        "weights",
        "commit",
        "date",
    ]
    lines = []
    for table, level, line in ((one, level, line) for one in found for level in one.levels for line in one.lines):
        cells = [_cell(table, line, level, value) for value in values]
        origin = (line.n, f"{line.seconds:.3g}", line.weights, line.commit, line.date)
        lines.append([table.dataset, level_of(level), line.method, *cells, *origin])
    return f"{_table(head, lines)}\n\n{NOTE}"


def _standings(overall: Sequence[Standing]) -> str:
    head = ["method", "SSIMULACRA2", "behind", "share", "peak", "n"]
    lines = [
        [
            f"{one.method} †" if one.packed else one.method,
            f"{one.score.mean:.2f} {plus_minus('ssimulacra2', one.score.error)}",
            one.margin,
            f"{one.share:.2f}",
            f"{one.peak:.1f}",
            str(one.score.n),
        ]
        for one in overall
    ]
    return f"{_table(head, lines)}\n\n{OVERALL}"


def _savings(one: Savings) -> str:
    head = ["data set", "codec", "against", *map(name_of, one.values)]
    lines = [[one.dataset, name, anchor, *cells] for name, anchor, cells in one.rows]
    blank = [""] * (len(one.values) - 1)
    lines += [[one.dataset, f"{name}, printed", "JPEG, printed", cell, *blank] for name, cell in one.printed]
    return _table(head, lines)


def _cell(table: Table, line: Line, level: float | None, value: str) -> str:
    for column in table.columns:
        if (column.value, column.level) == (value, level) and column in line.cells:
            cell = line.cells[column]
            mean = f"**{cell.text}**" if cell.best else cell.text
            return f"{mean} {cell.plus_minus} {cell.remark}".strip()
    return "-"


def _printed(publications: Iterable[Beside]) -> Iterator[str]:
    for one in publications:
        source = one.publication
        yield f"{source.authors}, *{source.title}*, {source.venue} {source.year}: {one.dataset}. {source.caution}"
        values = dict.fromkeys(value for table in one.tables for value in table.values)
        head = ["table", "level", "method"]
        head += [text for value in values for text in (f"{name_of(value)}, printed", f"{name_of(value)}, ours")]
        lines = []
        for table in one.tables:
            for method, figures in table.rows.items():
                texts = dict(zip(table.values, figures, strict=True))
                pairs = [(texts.get(value, "-"), one.ours.get((method, table.level, value), "-")) for value in values]
                lines.append([table.where, level_of(table.level), method, *(text for pair in pairs for text in pair)])
        yield _table(head, lines)


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(map(_escaped, row)) + " |" for row in rows)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
