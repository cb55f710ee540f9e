"""`imgredux optimize`: the smallest files that look the same."""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imgredux.cli.files import MEGAPIXELS, Engine, Force, Jobs, Json, Megapixels, Shard, pixels, through
from imgredux.cli.text import FAILED, USAGE, fail, line, say
from imgredux.critical import GUARD
from imgredux.errors import ImgreduxError, in_words

if TYPE_CHECKING:
    from imgredux.batch.optimize import Optimize
    from imgredux.batch.outputs import FileResult

UNITS = {"": None, "px": None, "b": 1, "kb": 1000, "mb": 1000**2, "kib": 1024, "mib": 1024**2}


def optimize(
    images: Annotated[
        list[Path],
        typer.Argument(metavar="PHOTO", help="Image files, or folders of them with their subfolders; - is a pipe."),
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="OUT", help="The folder for the new files.")
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            "--target",
            help="What must not be seen: first, side-by-side, in-place, flicker; a SSIMULACRA 2 score; lossless.",
        ),
    ] = "side-by-side",
    formats: Annotated[
        str,
        typer.Option(
            "--formats",
            metavar="A,B",
            help="What files may become: keep, web, all, or some of jpeg, png, webp, avif, jxl.",
        ),
    ] = "keep",
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Replace the photographs; the originals go to OUT.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Put back the originals that --in-place moved.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; say what would become of each.")] = False,
    min_saving: Annotated[
        float, typer.Option("--min-saving", min=0, max=99, metavar="PERCENT", help="What a new file must save.")
    ] = 1.0,
    max_size: Annotated[
        list[str] | None,
        typer.Option("--max-size", metavar="SIZE", help="Of a file, as 300kB, or of its longer side, as 2048px."),
    ] = None,
    guard: Annotated[
        float,
        typer.Option("--guard", min=0, metavar="POINTS", help="How far below the target the worst 512 pixels may be."),
    ] = GUARD,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="A page of HTML: worst files first, at their worst place."),
    ] = None,
    jobs: Jobs = None,
    shard: Shard = None,
    engine: Engine = "processes",
    force: Force = False,
    max_megapixels: Megapixels = MEGAPIXELS,
    as_json: Json = False,
) -> None:
    """Make photographs smaller without a visible change.

    A file keeps its name and format: its picture is coded better without a loss, and then, where that saves more, anew
    within the target, by the metric SSIMULACRA 2: first (65: where the average observer first sees a difference),
    side-by-side (80), in-place (85), flicker (90). With --formats it becomes the smallest file of those allowed: web
    are jpeg, png, webp and avif. EXIF, XMP, texts, ICC profile and transparency are kept. An original is copied as it
    is where nothing smaller is found, and where a new file would not hold all of it, as the video of a motion photo
    (docs/how-to/files.md). OUT has the tree of the inputs; OUT/imgredux.jsonl says what was done. Run the command again
    to go on.

    \b
    imgredux optimize holiday/ -o small/
    imgredux optimize site/ -o build/ --formats web --max-size 2048px
    imgredux optimize holiday/ --in-place            # and --undo
    imgredux optimize - --target flicker < photo.jpg > small.jpg

    \b
    Exit codes: 0 all done, 2 wrong usage, 3 some images failed, each with a line on stderr.
    """
    if undo:
        _undo(images, out, as_json)
        return
    most, side = _limits(max_size or [])
    options: dict[str, Any] = {
        "formats": formats if "," not in formats else formats.split(","),
        "saving": min_saving / 100,
        "guard": guard,
        "most": most,
        "side": side,
        "max_pixels": pixels(max_megapixels),
    }

    def work() -> "Optimize":
        from imgredux.batch.in_place import InPlace
        from imgredux.batch.optimize import Optimize

        made = (InPlace if in_place and not dry_run else Optimize)(_score(target), **options)
        made.start()  # a format that there is not is wrong usage
        return made

    if [str(path) for path in images] == ["-"]:
        _pipe(work)
        return
    if in_place and not dry_run:
        from imgredux.batch.in_place import originals_of

        out = out or originals_of(images)
    with TemporaryDirectory(prefix="imgredux-") as nowhere:
        if dry_run:
            out, force = Path(nowhere), False
        if out is None:
            fail("give a folder for the new files with -o, or --in-place, or --dry-run", USAGE)
        shown = {"told": _told, "summary": _summary, "totals": _totals, "so_far": _so_far, "at_end": _written(report)}
        through(work, images, out, jobs=jobs, force=force, as_json=as_json, shard=shard, engine=engine, **shown)


def _score(target: str) -> str | float:
    try:
        return float(target)
    except ValueError:
        return target


def _limits(sizes: list[str]) -> tuple[int | None, int | None]:
    """Bytes that a file has at most, and pixels of its longer side."""
    most, side = None, None
    for size in sizes:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)", size.strip())
        if found is None or found[2].lower() not in UNITS or float(found[1]) <= 0:
            fail(f"--max-size {size}: give bytes, as 300kB, or pixels, as 2048px", USAGE)
        unit = UNITS[found[2].lower()]
        if unit is None:
            side = max(round(float(found[1])), 1)
        else:
            most = max(round(float(found[1]) * unit), 1)
    return most, side


def _written(report: Path | None) -> "Callable[[list[FileResult]], None]":
    """What writes the page, if there is to be one."""

    def write(results: "list[FileResult]") -> None:
        from imgredux.io.files import atomic
        from imgredux.report.saved import page

        if report is not None:
            with atomic(report) as temporary:
                temporary.write_text(page(results), "utf-8")

    return write


def _pipe(work: Any) -> None:
    """From stdin to stdout; the original where nothing smaller is found."""
    from imgredux.batch.processes import one_thread

    try:
        made = work()
    except ImgreduxError as error:
        fail(error, USAGE)
    with TemporaryDirectory(prefix="imgredux-") as folder:
        path = Path(folder) / "stdin"
        path.write_bytes(sys.stdin.buffer.read())
        try:
            with one_thread():
                _, small = made.small(path)
        except Exception as error:
            fail(f"stdin: {in_words(error)}".replace(f"stdin: {path}", "stdin"))
    if small.kept:
        say(line(f"imgredux: kept, {small.kept}"), file=sys.stderr)
    sys.stdout.buffer.write(small.data)
    sys.stdout.buffer.flush()


def _undo(images: list[Path], out: Path | None, as_json: bool) -> None:
    import json

    from imgredux.batch.in_place import originals_of, put_back

    done, failed = 0, 0
    try:
        for path, why in put_back(out or originals_of(images), images):
            done, failed = done + (not why), failed + bool(why)
            if as_json:
                about = {"state": "failed", "error": why} if why else {"state": "done"}
                say(json.dumps({"input": str(path), **about}))
            elif why:
                say(line(f"imgredux: {path}: {why}"), file=sys.stderr)
            else:
                say(line(f"{path}: put back"))
    except ImgreduxError as error:
        fail(error, USAGE)
    if as_json:
        say(json.dumps({"summary": {"done": done, "failed": failed}}))
    if failed:
        raise typer.Exit(FAILED)


def _told(done: "FileResult") -> str:
    facts = done.facts
    if "kept" in facts:
        return f"kept, {facts['kept']}"
    how = "without a loss" if facts["lossless"] else f"SSIMULACRA 2 {facts['score']:.1f}, worst {facts['worst']:.1f}"
    return f"{done.outputs[0].name}, {_change(facts['before'], facts['after'])}, {how}"


def _totals(facts: list[dict[str, Any]]) -> dict[str, int]:
    return {key: sum(one[key] for one in facts) for key in ("before", "after")}


def _summary(facts: list[dict[str, Any]]) -> str:
    before, after = _totals(facts).values()
    kept = sum("kept" in one for one in facts)
    exact = sum(bool(one.get("lossless")) for one in facts)
    return f"{len(facts)} files: {_change(before, after)}; {exact} without a loss, {kept} kept as they were"


def _so_far(sums: Mapping[str, int]) -> str:
    return f"{(sums['before'] - sums['after']) / 1e6:.1f} MB saved"


def _change(before: int, after: int) -> str:
    return f"{before} to {after} bytes ({100 * (after / before - 1):+.1f} %)"
