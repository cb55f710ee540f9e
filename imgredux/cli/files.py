"""What the commands that go through many files share: their options, a line for each file, a summary, exit codes."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from imgredux.cli.manners import manners
from imgredux.cli.progress import bar
from imgredux.cli.text import FAILED, USAGE, complain, ended_like_interrupted, fail, line, say
from imgredux.errors import ImgreduxError

if TYPE_CHECKING:
    from imgredux.batch.outputs import FileResult
    from imgredux.batch.work import Work
    from imgredux.io.shards import Shard as Part

Images = Annotated[
    list[Path], typer.Argument(metavar="IMAGE", help="Image files, or folders of them with their subfolders.")
]
Output = Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="A file for one image, else a folder.")]
Device = Annotated[str | None, typer.Option("--device", help="Where to compute, as cuda. [default: cpu]")]
Force = Annotated[
    bool, typer.Option("--force", help="Do again what is done, and replace files that were not made here.")
]
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, help="Processes of one thread each. [default: as cores and memory allow]"),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line on stdout: each file, then the summary.")]
_Engine = Literal["processes", "ray"]  # `imgredux.batch.processes.Engine`, which a command line need not load
Engine = Annotated[
    _Engine,
    typer.Option("--engine", help="Processes of this machine, or a Ray cluster that sees the same folders."),
]
Shard = Annotated[
    str | None,
    typer.Option(
        "--shard", metavar="I/N", help="Only the files of part I of N: one command for each machine, as in a job array."
    ),
]
Megapixels = Annotated[float, typer.Option("--max-megapixels", min=0.001, help="Larger images are refused.")]
MEGAPIXELS = 200.0
EXAMPLES = 5  # names of files left out that are said


def pixels(megapixels: float) -> int:
    """The limit of an option in pixels."""
    return int(megapixels * 1e6)


def part_of(shard: str | None) -> "Part | None":
    """What `--shard` says; wrong usage where it says nothing."""
    from imgredux.io.shards import Shard as Part

    try:
        return Part.parse(shard) if shard is not None else None
    except ImgreduxError as error:
        fail(error, USAGE)


def through(
    make: "Callable[[], Work]",
    inputs: Sequence[Path],
    out: Path,
    *,
    jobs: int | None,
    force: bool,
    as_json: bool,
    shard: str | None = None,
    engine: _Engine = "processes",
    told: "Callable[[FileResult], str]",
    summary: "Callable[[list[dict[str, Any]]], str]" = lambda facts: "",
    totals: "Callable[[list[dict[str, Any]]], dict[str, Any]]" = lambda facts: {},
    so_far: "Callable[[Counter[str]], str]" = lambda sums: "",
    at_end: "Callable[[list[FileResult]], None]" = lambda results: None,
) -> None:
    """Do the work on every input; exit code 0 all done, 2 wrong usage, 3 something failed or could not be said.

    make: the work. told: the line of a file that is done, empty for none. summary: what the facts of all have in
    common; totals: what is summed of them, for programs; so_far: the sums in few words, for the bar. at_end: gets
    all results.
    """
    from imgredux.batch import engine as batch

    try:
        work = make()
        results = batch.run(work, inputs, out, jobs=jobs, force=force, shard=part_of(shard), engine=engine)
    except ImgreduxError as error:
        fail(error, USAGE)
    total = results.total
    seen: Counter[str] = Counter()
    left: list[FileResult] = []
    facts: list[dict[str, Any]] = []
    every: list[FileResult] = []
    sums: Counter[str] = Counter()
    manners.notes = True
    with ended_like_interrupted(), _written(), bar(total) as shown, _tiles(shown, total):
        for result in results:
            every.append(result)
            kind = _kind(result)
            seen[kind] += 1
            if kind == "left out":
                left.append(result)
            elif kind != "failed" and result.facts:
                facts.append(result.facts)
                sums.update(totals([result.facts]))
            _say(result, told, as_json)
            if kind != "left out" and total > 1:
                more = so_far(sums) if facts else ""
                shown.advance(f"{more}, {result.input.name}" if more else result.input.name)
    _finish(seen, left, summary(facts) if facts and not as_json else "", sums if as_json else None, total)
    at_end(every)
    if seen["failed"] or not say.whole:
        raise typer.Exit(FAILED)


@contextmanager
def _written() -> Iterator[None]:
    """What keeps the record itself from being written ends the run, in a line."""
    try:
        yield
    except OSError as error:
        fail(f"the record of the output folder cannot be written: {error}")


def _kind(result: "FileResult") -> str:
    if result.left_out is not None:
        return "left out"
    return "failed" if result.error is not None else "done" if result.made else "done before"


def _say(result: "FileResult", told: "Callable[[FileResult], str]", as_json: bool) -> None:
    if as_json:
        about = {"input": str(result.input), "state": _kind(result), "outputs": [str(path) for path in result.outputs]}
        more = {"error": result.error, "reason": result.reason, "left_out": result.left_out, **result.facts}
        said = {"notes": list(result.notes), "warnings": list(result.warnings)}
        held = {key: value for key, value in {**more, **said}.items() if value not in (None, [])}
        say(json.dumps({**about, **held}, default=str))
        return
    for warning in result.warnings:
        label = str(result.input)
        said = warning if warning.startswith(label) else f"{label}: {warning}"
        say(line(f"imgredux: warning: {said}"), file=sys.stderr)
    if result.error is not None:
        complain(result.input, result.error)
        return
    if manners.quiet:
        return
    for note in result.notes:
        say(line(f"{result.input}: {note}"))
    text = told(result) if result.left_out is None else ""
    if text:
        say(line(f"{result.input}: {text}{'' if result.made else ', done before'}"))


def _finish(
    seen: "Counter[str]", left: "list[FileResult]", summary: str, totals: "Counter[str] | None", total: int
) -> None:
    """The end of a run. totals: of its JSON; None: for people."""
    if totals is not None:
        say(json.dumps({"summary": {**seen, **totals}}))
        return
    if manners.quiet:
        return
    if left:
        by_reason: dict[str, list[str]] = {}
        for one in left:
            by_reason.setdefault(one.left_out or "", []).append(one.input.name)
        for why, names in by_reason.items():
            more = f" and {len(names) - EXAMPLES} more" if len(names) > EXAMPLES else ""
            say(line(f"imgredux: left out: {', '.join(names[:EXAMPLES])}{more}: {why}"), file=sys.stderr)
    if summary and total > 1:
        say(line(summary))
    if total > 1:
        states = ", ".join(
            f"{seen[state]} {state}" for state in ("done", "done before", "failed", "left out") if seen[state]
        )
        say(f"imgredux: {total} files: {states}", file=sys.stderr)


def _tiles(shown: Any, total: int) -> Any:
    """Of one large image, the bar shows its tiles."""
    if total > 1:
        return nullcontext()
    from imgredux.methods.tiling import listening

    return listening(shown.show)
