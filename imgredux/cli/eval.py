"""`imgredux eval`: methods over data sets by a protocol, with a table at the end."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from imgredux import registry
from imgredux.cli.text import FAILED, USAGE, fail, line
from imgredux.errors import ImgreduxError

if TYPE_CHECKING:
    from imgredux.datasets import Dataset
    from imgredux.evaluate import Step, Summary
    from imgredux.protocols import Protocol

SCALED = ":downscale="
Number = TypeVar("Number", int, float)


def evaluate(
    methods: Annotated[
        list[str],
        typer.Argument(
            metavar="METHOD",
            help="Methods as NAME, NAME.TAG, or NAME=FILE for weights of your own; `all` for every installed one.",
        ),
    ],
    protocol: Annotated[str, typer.Option("--protocol", help="jnd-equal-mse, jnd-konjnd, jpeg-y, jpeg-rgb or rd.")],
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
        str | None, typer.Option("--metrics", metavar="A,B", help="Columns to compute. [default: all]")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first images of each folder.")] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes, of one thread each if several.")] = 1,
    device: Annotated[str | None, typer.Option("--device", help="Where to compute, as cuda. [default: cpu]")] = None,
) -> None:
    """Compare methods by a protocol (docs/protocols.md).

    Each result is appended to OUT. What OUT holds already is not computed again, so a run that was ended in any way is
    taken up by the same command. The table at the end shows all that OUT holds for the protocol.

    \b
    imgredux eval all --protocol jnd-equal-mse --data kodak -o results.jsonl --levels 16.121,100
    imgredux eval all --protocol jpeg-y --data classic5 --data live1 -o results.jsonl
    imgredux eval jpeg arcnn=authors/q10.mat --protocol jpeg-y --data classic5 -o results.jsonl

    Exit codes: 0 all done, 2 wrong usage, 3 something failed, each with a line on stderr.
    """
    from imgredux.evaluate import ProtocolError, evaluate, read_rows, summarise
    from imgredux.protocols import PROTOCOLS

    chosen = PROTOCOLS.get(protocol)
    if chosen is None:
        fail(f"no protocol named {protocol!r}. There are: {', '.join(PROTOCOLS)}", USAGE)
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
                progress=progress,
            )
    except ProtocolError as error:
        fail(error, USAGE)
    except OSError as error:
        fail(f"cannot write the results: {error}")
    rows = [row for row in read_rows(out) if row["protocol"] == chosen.name]
    for text in _tables(chosen, summarise(rows)):
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
    installed = [name for name in registry.list_methods(protocol.kind) if not registry.info(name).untrained]
    everything = [*filter(None, [protocol.without]), *installed]
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
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def show(step: "Step") -> None:
            if step.error is not None:
                print(line(f"imgredux: {step.what}: {step.error}"), file=sys.stderr)
            bar.update(task, total=step.total, completed=step.done, description=line(step.what))

        yield show


def _tables(protocol: "Protocol", summaries: "Sequence[Summary]") -> Iterator[str]:
    """A table of text for each data set and level, the method that does best in the column that counts first."""
    groups: dict[tuple[str, float | None], list[Summary]] = {}
    for one in summaries:
        groups.setdefault((one.dataset, one.level), []).append(one)
    for (dataset, level), members in groups.items():
        yield ""
        yield dataset if level is None else f"{dataset}, {protocol.level} {level:g}"
        columns = [name for name in protocol.columns if any(name in one.values for one in members)]
        members.sort(key=lambda one: -_mean(one, protocol.counts))
        head = [
            "method",
            "n",
            *(name + {"higher": " ^", "lower": " v", "": ""}[protocol.columns[name]] for name in columns),
        ]
        body = [[one.label, _count(one), *(_figure(one, name) for name in columns)] for one in members]
        yield from _aligned([head, *body])


def _mean(one: "Summary", name: str) -> float:
    found = one.values.get(name)
    return found.mean if found is not None and found.n else float("-inf")


def _count(one: "Summary") -> str:
    return f"{one.n} of {one.n + one.missing}" if one.missing else str(one.n)


def _figure(one: "Summary", name: str) -> str:
    """Mean and standard error; a dash where nothing was measured."""
    found = one.values.get(name)
    if found is None or not found.n:
        return "-"
    digits = 4 if abs(found.mean) < 2 else 3
    return f"{found.mean:.{digits}f}" + (f" ±{found.error:.{digits}f}" if found.n > 1 else "")


def _aligned(table: Iterable[Sequence[str]]) -> Iterator[str]:
    rows = list(table)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
