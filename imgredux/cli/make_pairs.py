"""`imgredux make-pairs`: critical images for a folder of pristine ones."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from imgredux.cli.progress import bar
from imgredux.cli.text import FAILED, USAGE, complain, fail, line, terminated_like_interrupted
from imgredux.errors import ImgreduxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imgredux.batch.outputs import FileResult

NEAR = 1.5  # points of SSIMULACRA 2: what counts as at the target


def make_pairs(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Pristine image files, or folders of them.")],
    out: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="The folder to write to.")],
    codec: Annotated[Literal["jpeg", "webp", "avif"], typer.Option(help="What distorts the images.")] = "jpeg",
    target: Annotated[
        float, typer.Option(help="SSIMULACRA 2 to stay at: 65 is the mean first JND, 90 visually lossless.")
    ] = 65.0,
) -> None:
    """Make pairs of pristine and just noticeably distorted images.

    For each image, the strongest compression still at the target: OUT/ref/{stem}.png and OUT/jnd/{stem}.png, and a row
    in OUT/pairs.jsonl with the quality, score, MSE and bytes reached. Run it again to go on where it stopped.

    \b
    Exit codes: 0 all done, 2 wrong usage, 3 some images failed, each with a line on stderr.
    """
    from imgredux.batch import pairs
    from imgredux.io.finding import find_images

    try:
        found = find_images(images)
        results = pairs.make_pairs(found, out, codec, target)
    except ImgreduxError as error:
        fail(error, USAGE)
    with terminated_like_interrupted():
        failed = _report(results, len(found))
    if failed:
        raise typer.Exit(FAILED)


def _report(results: "Iterator[FileResult]", total: int) -> int:
    """Show what comes of each image as it is done. Returns how many failed."""
    failed, rows = 0, []
    with bar(total) as shown:
        for pair in results:
            failed += pair.error is not None
            rows += [pair.facts] if pair.facts else []
            _say(pair)
            shown.advance(pair.input.name)
    if len(rows) > 1:
        print(_summary(rows))
    if failed and total > 1:
        typer.echo(f"imgredux: {failed} of {total} failed", err=True)
    return failed


def _summary(rows: list[dict[str, Any]]) -> str:
    """What the pairs have in common, in a line."""
    scores = [row["score"] for row in rows]
    near = sum(abs(row["score"] - row["target"]) <= NEAR for row in rows)
    mse = sum(row["mse"] for row in rows) / len(rows)
    spread = f"{min(scores):.1f} to {max(scores):.1f}, {near} within {NEAR:g} of the target"
    return f"{len(rows)} pairs: mean MSE {mse:.4g}, SSIMULACRA 2 {sum(scores) / len(scores):.2f} ({spread})"


def _say(pair: "FileResult") -> None:
    label = str(pair.input)
    if pair.error is not None:
        complain(pair.input, pair.error)
    else:
        row = pair.facts
        there = "" if pair.made else ", made before"
        print(line(f"{label}: quality {row['quality']}, SSIMULACRA 2 {row['score']:.2f}, MSE {row['mse']:.4g}{there}"))
