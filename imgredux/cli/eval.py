"""`imgredux eval`: methods over data sets by a protocol, with a table at the end."""

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from imgredux import registry
from imgredux.cli.completing import methods as methods_named
from imgredux.cli.completing import protocols
from imgredux.cli.files import Engine, Shard, part_of
from imgredux.cli.progress import bar
from imgredux.cli.text import FAILED, USAGE, fail, line
from imgredux.errors import ImgreduxError, UnknownName

if TYPE_CHECKING:
    from imgredux.datasets import Dataset
    from imgredux.evaluate import Step, Summary
    from imgredux.methods.declarations import Column, ProtocolSpec
    from imgredux.protocols import Protocol

SCALED = ":downscale="
Number = TypeVar("Number", int, float)


def evaluate(
    methods: Annotated[
        list[str],
        typer.Argument(
            metavar="METHOD",
            autocompletion=methods_named(also=("all",)),
            help="Methods as NAME, NAME.TAG, or NAME=FILE for weights of your own; `all` for every installed one.",
        ),
    ],
    protocol: Annotated[
        str, typer.Option("--protocol", autocompletion=protocols, help="As `imgredux list --kind protocol` names them.")
    ],
    data: Annotated[
        list[str], typer.Option("--data", metavar="DIR[:downscale=N]", help="A folder of images. Repeat it for more.")
    ],
    out: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="The file of results: JSON lines.")],
    levels: Annotated[
        str | None,
        typer.Option("--levels", metavar="X,Y", help="Target MSE or JPEG quality. [default: the protocol's]"),
    ] = None,
    seeds: Annotated[str, typer.Option("--seeds", metavar="N,M", help="Of the injected noise.")] = "0",
    metrics: Annotated[
        str | None,
        typer.Option(
            "--metrics",
            metavar="A,B",
            help="To compute (`imgredux list --kind metric`). [default: the protocol's, of those that can be had here]",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first images of each folder.")] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes, of one thread each if several.")] = 1,
    shard: Shard = None,
    engine: Engine = "processes",
    device: Annotated[str | None, typer.Option("--device", help="Where to compute, as cuda. [default: cpu]")] = None,
) -> None:
    """Compare methods by a protocol (docs/reference/protocols.md).

    Each result is appended to OUT. What OUT holds already is not computed again, so a run that was ended in any way is
    taken up by the same command. With --shard 3/16 it goes into OUT's part, as results.3-of-16.jsonl, until the command
    without it takes all parts in. The table at the end shows all that OUT holds for the protocol.

    \b
    imgredux eval all --protocol jnd-equal-mse --data kodak -o results.jsonl --levels 16.121,100
    imgredux eval all --protocol jpeg-y --data classic5 --data live1 -o results.jsonl
    imgredux eval jpeg arcnn=authors/q10.mat --protocol jpeg-y --data classic5 -o results.jsonl

    Exit codes: 0 all done, 2 wrong usage, 3 something failed, each with a line on stderr.
    """
    from imgredux.evaluate import ProtocolError, evaluate, read_rows, summarize
    from imgredux.protocols import load

    try:
        registry.protocol(protocol)  # an error that needs no torch
        chosen = load(protocol)
    except UnknownName as error:
        fail(error, USAGE)
    part = part_of(shard)
    sets = _datasets(chosen, data, limit)
    problems = [problem for one in sets for problem in one.problems]
    for problem in problems:
        typer.echo(line(f"imgredux: {problem}"), err=True)
    try:
        with _progress() as progress:
            failed = evaluate(
                chosen,
                _methods(chosen, methods),
                sets,
                out,
                levels=_numbers("--levels", levels, float),
                seeds=_numbers("--seeds", seeds, int) or (0,),
                metrics=None if metrics is None else [name for name in metrics.split(",") if name],
                device=device,
                workers=workers,
                shard=part,
                engine=engine,
                progress=progress,
            )
    except ProtocolError as error:
        fail(error, USAGE)
    except OSError as error:
        fail(f"cannot write the results: {error}")
    rows = [row for row in read_rows(out) if row["protocol"] == chosen.spec.name]
    for text in _tables(chosen.spec, summarize(rows)):
        typer.echo(line(text))
    if failed or problems:
        raise typer.Exit(FAILED)


def _datasets(protocol: "Protocol", data: Sequence[str], limit: int | None) -> "list[Dataset]":
    found = []
    for argument in data:
        path, scaled, factor = argument.rpartition(SCALED)
        if scaled and not factor.isdecimal():
            fail(f"--data {argument}: downscale is a whole number, as in {path}{SCALED}2", USAGE)
        try:
            found += protocol.datasets(path, int(factor)) if scaled else protocol.datasets(argument)
        except ImgreduxError as error:
            fail(error, USAGE)
    return [replace(one, items=one.items[:limit]) for one in found]


def _methods(protocol: "Protocol", names: Sequence[str]) -> list[str]:
    installed = [name for name in registry.list_methods(protocol.spec.kind) if not registry.info(name).untrained]
    everything = [*filter(None, [protocol.spec.without]), *installed]
    return [one for name in names for one in (everything if name == "all" else [name])]


def _numbers(option: str, text: str | None, kind: Callable[[str], Number]) -> list[Number] | None:
    if text is None:
        return None
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        fail(f"{option} {text}: give numbers joined by commas", USAGE)


@contextmanager
def _progress() -> "Iterator[Callable[[Step], None]]":
    """A bar on a terminal, and a line on stderr for each failure."""
    with bar() as shown:

        def show(step: "Step") -> None:
            if step.error is not None:
                print(line(f"imgredux: {step.what}: {step.error}"), file=sys.stderr)
            shown.show(step.done, step.total, step.what)

        yield show


def _tables(spec: "ProtocolSpec", summaries: "Sequence[Summary]") -> Iterator[str]:
    """A table of text for each data set and level, the method that does best in the column that counts first."""
    from imgredux.evaluate.columns import column_of

    groups: dict[tuple[str, float | None], list[Summary]] = {}
    for one in summaries:
        groups.setdefault((one.dataset, one.level), []).append(one)
    order = [*spec.metrics, *(column.name for column in spec.columns)]
    for (dataset, level), members in groups.items():
        yield ""
        yield dataset if level is None else f"{dataset}, {spec.level} {level:g}"
        held = dict.fromkeys([*order, *(name for one in members for name in one.values)])
        columns = [column_of(spec, name) for name in held if any(name in one.values for one in members)]
        counts = column_of(spec, spec.counts)
        members.sort(key=lambda one: _rank(one, counts))
        marks = {True: " ^", False: " v", None: ""}
        head = ["method", "n", *(column.name + marks[column.higher_is_better] for column in columns)]
        body = [[one.label, _count(one), *(_figure(one, column) for column in columns)] for one in members]
        yield from _aligned([head, *body])


def _rank(one: "Summary", counts: "Column") -> float:
    """What sorts the best first, and what has no figure last."""
    found = one.values.get(counts.name)
    if found is None or not found.n:
        return math.inf
    return found.mean if counts.higher_is_better is False else -found.mean


def _count(one: "Summary") -> str:
    return f"{one.n} of {one.n + one.missing}" if one.missing else str(one.n)


def _figure(one: "Summary", column: "Column") -> str:
    """Mean and standard error; a dash where nothing was measured."""
    from imgredux.evaluate.columns import number, plus_minus

    found = one.values.get(column.name)
    if found is None or not found.n:
        return "-"
    return f"{number(column, found.mean)} {plus_minus(column, found.error)}".rstrip()


def _aligned(table: Iterable[Sequence[str]]) -> Iterator[str]:
    rows = list(table)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
