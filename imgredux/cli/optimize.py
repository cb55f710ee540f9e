"""`imgredux optimize`: the smallest files that look the same."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imgredux.cli.files import MEGAPIXELS, Force, Jobs, Json, Megapixels, pixels, through

if TYPE_CHECKING:
    from imgredux.batch.outputs import FileResult


def optimize(
    images: Annotated[
        list[Path], typer.Argument(metavar="PHOTO", help="Image files, or folders of them with their subfolders.")
    ],
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
    jobs: Jobs = None,
    force: Force = False,
    max_megapixels: Megapixels = MEGAPIXELS,
    as_json: Json = False,
) -> None:
    """Make photographs smaller without a visible change.

    Each becomes the smallest file, of all formats allowed, that the metric SSIMULACRA 2 holds for equal within the
    target: first (65: where the average observer first sees a difference), side-by-side (80), in-place (85), flicker
    (90). EXIF, XMP, texts, ICC profile and transparency are kept, the image is stored upright. An original is copied as
    it is where nothing smaller is found, and where a new file would not hold all of it, as the video of a motion photo
    (docs/files.md). OUT has the tree of the inputs; OUT/imgredux.jsonl says what was done. Run the command again to go
    on.

    \b
    imgredux optimize holiday/ -o small/
    imgredux optimize photo.jpg -o small/ --target flicker --formats jpeg

    \b
    Exit codes: 0 all done, 2 wrong usage, 3 some images failed, each with a line on stderr.
    """
    options: dict[str, Any] = {} if formats is None else {"formats": formats.split(",")}

    def work():
        from imgredux.batch.optimize import Optimize

        made = Optimize(_score(target), options, max_pixels=pixels(max_megapixels))
        made.start()  # a format that there is not is wrong usage
        return made

    through(work, images, out, jobs=jobs, force=force, as_json=as_json, told=_told, summary=_summary)


def _score(target: str) -> str | float:
    try:
        return float(target)
    except ValueError:
        return target


def _told(done: "FileResult") -> str:
    facts = done.facts
    if "kept" in facts:
        return f"kept, {facts['kept']}"
    return f"{done.outputs[0].name}, {_change(facts['before'], facts['after'])}"


def _summary(facts: list[dict[str, Any]]) -> str:
    before, after = (sum(one[key] for one in facts) for key in ("before", "after"))
    kept = sum("kept" in one for one in facts)
    return f"{len(facts)} files: {_change(before, after)}; {kept} kept as they were"


def _change(before: int, after: int) -> str:
    return f"{before} to {after} bytes ({100 * (after / before - 1):+.1f} %)"
