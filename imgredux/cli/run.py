"""`imgredux run`: one method over image files."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from imgredux import dispatch, registry
from imgredux.cli.progress import bar
from imgredux.cli.text import FAILED, USAGE, complain, fail, line, terminated_like_interrupted
from imgredux.errors import ImgreduxError
from imgredux.methods.spec import AUTO

if TYPE_CHECKING:
    from imgredux.batch.outputs import FileResult
    from imgredux.dispatch import Auto
    from imgredux.methods.base import Method


def run(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="An estimator or restorer, or NAME.TAG for its weights; auto: the best restorer."
        ),
    ],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Image files, or folders of them.")],
    out: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="A file for one image, else a folder.")],
    format: Annotated[
        Literal["png", "npy", "tiff"] | None,
        typer.Option("--format", help="Of the outputs in a folder; maps in .npy and .tiff are float32. [default: png]"),
    ] = None,
    heatmap: Annotated[bool, typer.Option("--heatmap", help="Also write the map in colours.")] = False,
    overlay: Annotated[bool, typer.Option("--overlay", help="Also write the map laid over the image.")] = False,
    inject_mse: Annotated[
        float | None,
        typer.Option(
            "--inject-mse", metavar="MSE", help="Also write the image with noise of this MSE, shaped by the map."
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the injected noise.")] = 0,
    quality: Annotated[
        int | None,
        typer.Option(
            "--quality", metavar="Q", min=1, max=100, help="Of the JPEG to restore. [default: look for traces]"
        ),
    ] = None,
    device: Annotated[str | None, typer.Option("--device", help="Where to compute, as cuda. [default: cpu]")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:
    """Run a method on images.

    One image makes the file OUT, in the format of its suffix. Several images, or a folder, make {stem}.NAME.png in the
    folder OUT. Companions stand beside it: {stem}.NAME.heatmap.png, .overlay.png, .mse26.8.png.

    A restorer says for each file what it found and which weights it used. An image without traces of JPEG is not
    touched; with --quality any is. auto takes for each file the restorer that gains most at its JPEG quality.

    \b
    Maps are 16-bit PNG with the scale inside (imgredux.maps.read_map reads them).
    Exit codes: 0 all done, 2 wrong usage, 3 some files failed, each with a line on stderr.
    """
    from imgredux.batch import run as batch

    if name == AUTO:
        dispatch.choices()  # an error now, rather than for each file
    kind = "restorer" if name == AUTO else registry.info(name.partition(".")[0]).spec.kind
    if quality is not None and kind != "restorer":
        fail("--quality is of the JPEG that a restorer undoes: leave it out", USAGE)
    try:
        jobs = batch.plan(
            images, out, name, kind=kind, format=format, heatmap=heatmap, overlay=overlay, inject_mse=inject_mse
        )
    except ImgreduxError as error:
        fail(error, USAGE)
    with terminated_like_interrupted():
        results = batch.run(_method(name, device), jobs, seed=seed, force=force, quality=quality)
        failed = _report(results, len(jobs))
    if failed:
        raise typer.Exit(FAILED)


def _method(name: str, device: str | None) -> "Method | Auto":
    try:
        if name == AUTO:
            import torch

            torch.empty(0, device=device)  # is it there?
            return dispatch.Auto(device)
        return registry.get(name, device)
    except (RuntimeError, AssertionError) as error:  # what torch raises for a device it lacks
        if device is None:
            raise
        fail(f"the device {device!r} cannot be used: {error}", USAGE)


def _report(results: "Iterator[FileResult]", total: int) -> int:
    """Show what comes of each job as it is done, and how far it is: of files, or of the tiles of one large image.

    Returns how many failed.
    """
    from imgredux.methods.tiling import listening

    failed = 0
    with bar(total) as shown, _heard() as notes, listening(shown.show) if total == 1 else nullcontext():
        for done in results:
            failed += done.error is not None
            _say(done, notes)
            notes.clear()
            if total > 1:
                shown.advance(done.input.name)
    if failed and total > 1:
        typer.echo(f"imgredux: {failed} of {total} failed", err=True)
    return failed


@contextmanager
def _heard() -> Iterator[list[str]]:
    """A list that holds what restorers say in the log, as they say it."""
    notes: list[str] = []
    logger = logging.getLogger("imgredux")
    handler, level = logging.Handler(logging.INFO), logger.level
    handler.emit = lambda record: notes.append(record.getMessage())
    handler.addFilter(lambda record: record.name == logger.name)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield notes
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


def _say(done: "FileResult", notes: list[str]) -> None:
    if done.error is not None:
        complain(done.input, done.error)
        return
    for note in notes:
        print(line(f"{done.input}: {note}"))
    if "phi" in done.facts:
        phi, mse, reached, target = (done.facts[key] for key in ("phi", "mse", "reached", "target"))
        missed = "" if reached else f", not the {target:g} asked for: the map or the image does not allow it"
        print(line(f"{done.input}: phi {phi:.4g}, MSE {mse:.4g}{missed}"))
