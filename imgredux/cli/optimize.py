"""`imgredux optimize`: the smallest files that look the same."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imgredux import dispatch, registry
from imgredux.cli.progress import bar
from imgredux.cli.text import FAILED, USAGE, complain, fail, line, terminated_like_interrupted
from imgredux.errors import ImgreduxError

if TYPE_CHECKING:
    from imgredux.batch.outputs import FileResult


def optimize(
    images: Annotated[list[Path], typer.Argument(metavar="PHOTO", help="Image files, or folders of them.")],
    out: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="The folder for the new files.")],
    target: Annotated[
        str,
        typer.Option(
            "--target", help="What must not be seen: first, side-by-side, in-place, flicker; or a SSIMULACRA 2 score."
        ),
    ] = "side-by-side",
    formats: Annotated[
        str | None, typer.Option("--formats", metavar="A,B", help="Of jpeg, webp, avif, jxl. [default: all there are]")
    ] = None,
) -> None:
    """Make photographs smaller without a visible change.

    Each becomes the smallest file, of all formats allowed, that the metric SSIMULACRA 2 holds for equal within the
    target: first (65: where the average observer first sees a difference), side-by-side (80), in-place (85), flicker
    (90). EXIF, XMP, ICC profile and transparency are kept, the image is stored upright. An original is copied as it
    is where nothing smaller is found. OUT/optimized.jsonl says what was done; run the command again to go on.

    \b
    imgredux optimize holiday/ -o small/
    imgredux optimize photo.jpg -o small/ --target flicker --formats jpeg

    \b
    Exit codes: 0 all done, 2 wrong usage, 3 some images failed, each with a line on stderr.
    """
    from imgredux.batch import optimize as optimizing
    from imgredux.io.finding import find_images
    from imgredux.methods.codec import Codec

    try:
        wanted: str | float = float(target)
    except ValueError:
        wanted = target
    options: dict[str, Any] = {} if formats is None else {"formats": formats.split(",")}
    try:
        name = dispatch.optimizer()
        known = (registry.info(name).spec.knob or ("", ()))[1]
        if isinstance(wanted, str) and wanted not in known:
            fail(f"--target {target}: give {', '.join(map(str, known))}, or a score", USAGE)
        count = len(find_images(images))
        codec = registry.create(name, **options).eval()
        assert isinstance(codec, Codec)  # its kind says so
        results = optimizing.optimize(images, out, codec, wanted)
    except ImgreduxError as error:
        fail(error, USAGE)
    rows: list[dict[str, Any]] = []
    failed = 0
    with terminated_like_interrupted(), bar(count) as shown:
        for done in results:
            failed += done.error is not None
            rows += [done.facts] if done.facts else []
            _say(done)
            shown.advance(done.input.name)
    if len(rows) > 1:
        print(_summary(rows))
    if failed:
        raise typer.Exit(FAILED)


def _say(done: "FileResult") -> None:
    if done.error is not None:
        complain(done.input, done.error)
    else:
        row = done.facts
        what = f"kept, {row['kept']}" if "kept" in row else f"{row['output']}, {_change(row['before'], row['after'])}"
        print(line(f"{done.input}: {what}{'' if done.made else ', done before'}"))


def _summary(rows: list[dict[str, Any]]) -> str:
    before, after = (sum(row[key] for row in rows) for key in ("before", "after"))
    kept = sum("kept" in row for row in rows)
    return f"{len(rows)} files: {_change(before, after)}; {kept} kept as they were"


def _change(before: int, after: int) -> str:
    return f"{before} to {after} bytes ({100 * (after / before - 1):+.1f} %)"
