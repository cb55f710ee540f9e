"""The report as a Markdown file: a table for each protocol, one line a method, level and data set."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from imgredux.evaluate.columns import heading
from imgredux.methods.declarations import Column, ProtocolSpec
from imgredux.report.beside import Beside
from imgredux.report.codecs import ABOUT, Savings
from imgredux.report.overall import Standing, about
from imgredux.report.tables import Line, Table, level_of

NOTE = "Mean ± standard error over images. Bold: the best of its data set and level."


def markdown(
    found: Sequence[Table],
    printed: Mapping[str, Sequence[Beside]],
    overall: Mapping[str, Sequence[Standing]] = MappingProxyType({}),
    saved: Mapping[str, Sequence[Savings]] = MappingProxyType({}),
) -> str:
    """The file's text: our rows first, then what others printed, in tables of its own. All by protocol.

    overall: methods over all data sets together. saved: what codecs save.
    """
    parts = []
    for protocol, publications in printed.items():
        mine = [table for table in found if table.protocol == protocol]
        spec = mine[0].spec
        parts += [f"# {_escaped(protocol)}", *(f"> {warning}" for table in mine for warning in _located(table))]
        parts.append(_ours(mine))
        if spec is not None and overall.get(protocol):
            parts += ["## All data sets together", _standings(spec, overall[protocol])]
        if saved.get(protocol):
            parts += ["## Bytes at equal quality", *map(_savings, saved[protocol]), ABOUT]
        if publications:
            parts += ["## Printed by others, not measured here", *_printed(publications)]
    return "\n\n".join(parts) + "\n"


def _located(table: Table) -> Iterator[str]:
    for warning in table.warnings:
        yield f"**{_escaped(table.dataset)}**: {_escaped(warning)}"


def _ours(found: Sequence[Table]) -> str:
    columns = dict.fromkeys(place.column for table in found for place in (*table.columns, *table.details))
    head = [
        "data set",
        found[0].level_name,
        "method",
        *map(heading, columns),
        "n",
        "s/image",
        "weights",
        "commit",
        "date",
    ]
    lines = []
    for table, level, line in ((one, level, line) for one in found for level in one.levels for line in one.lines):
        cells = [_cell(line, level, column) for column in columns]
        origin = (line.n, f"{line.seconds:.3g}", line.weights, line.commit, line.date)
        lines.append([table.dataset, level_of(level), line.method, *cells, *origin])
    notes = found[0].spec.notes[-1:] if found[0].spec else ()
    return f"{_table(head, lines)}\n\n{' '.join([NOTE, *notes])}"


def _standings(spec: ProtocolSpec, overall: Sequence[Standing]) -> str:
    guards = [guard.label for guard in spec.guards]
    head = ["method", heading(overall[0].column), "behind", *guards, "n"]
    lines = [
        [
            f"{one.method} †" if one.packed else one.method,
            one.figure,
            one.margin,
            *(f"{value:.{guard.digits}f}" for guard, value in zip(spec.guards, one.guards, strict=True)),
            str(one.score.n),
        ]
        for one in overall
    ]
    return f"{_table(head, lines)}\n\n{about(spec)}"


def _savings(one: Savings) -> str:
    head = ["data set", "codec", "against", *one.headings]
    lines = [[one.dataset, name, anchor, *cells] for name, anchor, cells in one.rows]
    blank = [""] * (len(one.headings) - 1)
    lines += [[one.dataset, f"{name}, printed", "JPEG, printed", cell, *blank] for name, cell in one.printed]
    return _table(head, lines)


def _cell(line: Line, level: float | None, column: Column) -> str:
    for place, cell in line.cells.items():
        if (place.column, place.level) == (column, level):
            mean = f"**{cell.text}**" if cell.best else cell.text
            return f"{mean} {cell.plus_minus} {cell.remark}".strip()
    return "-"


def _printed(publications: Iterable[Beside]) -> Iterator[str]:
    for one in publications:
        source = one.publication
        yield f"{source.authors}, *{source.title}*, {source.venue} {source.year}: {one.dataset}. {source.caution}"
        values = dict.fromkeys(value for table in one.tables for value in table.values)
        head = ["table", "level", "method"]
        head += [
            text for value in values for text in (f"{one.headings[value]}, printed", f"{one.headings[value]}, ours")
        ]
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
    """Text for a cell: no HTML, no link and no other cell can begin in it, whoever wrote the rows."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return plain.translate({ord("&"): "&amp;", ord("<"): "&lt;", ord("|"): "\\|", ord("["): "\\["})
