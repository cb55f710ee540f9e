"""`imgredux run`: one method over image files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from imgredux.cli.completing import methods
from imgredux.cli.files import (
    MEGAPIXELS,
    Device,
    Engine,
    Force,
    Images,
    Jobs,
    Json,
    Megapixels,
    Output,
    Shard,
    pixels,
    through,
)

if TYPE_CHECKING:
    from imgredux.batch.outputs import FileResult


def run(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            autocompletion=methods("estimator", "restorer", also=("auto",)),
            help="An estimator or restorer, or NAME.TAG for its weights; auto: the best restorer.",
        ),
    ],
    images: Images,
    out: Output,
    format: Annotated[
        Literal["png", "npy", "tiff", "jpg"] | None,
        typer.Option("--format", help="Of the outputs in a folder; maps in .npy and .tiff are float32. [default: png]"),
    ] = None,
    heatmap: Annotated[bool, typer.Option("--heatmap", help="Also write the map in colors.")] = False,
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
    max_growth: Annotated[
        float | None,
        typer.Option(
            "--max-growth",
            metavar="TIMES",
            help="A JPEG restored into a JPEG has at most so many times the bytes, as 1.5. [default: quality 95]",
        ),
    ] = None,
    ppd: Annotated[
        float | None,
        typer.Option(
            "--ppd",
            metavar="P",
            help="A map's 1.0 is one JOD (just-objectionable difference) at P pixels per degree; 38 is a desktop.",
        ),
    ] = None,
    peak: Annotated[
        float | None, typer.Option("--peak", metavar="CD", help="The same, at so many cd/m2 of white. [default: 200]")
    ] = None,
    weights: Annotated[Path | None, typer.Option("--weights", metavar="FILE", help="Weights of your own.")] = None,
    device: Device = None,
    jobs: Jobs = None,
    shard: Shard = None,
    engine: Engine = "processes",
    force: Force = False,
    max_megapixels: Megapixels = MEGAPIXELS,
    as_json: Json = False,
) -> None:
    """Run a method on images.

    One image makes the file OUT, in the format of its suffix. Several images, or a folder, make {stem}.NAME.png in the
    folder OUT, in the tree of the inputs; {name}.NAME.png where two images share a stem. Companions stand beside it:
    {stem}.NAME.heatmap.png, .overlay.png, .mse26.8.png.

    A restorer says for each file what it found and which weights it used. An image without traces of JPEG is not
    touched; with --quality any is. auto takes for each file the restorer that gains most at its JPEG quality.

    OUT/imgredux.jsonl records what was made of what. What is done is not done again: run the command again to go on.

    \b
    Maps are 16-bit PNG with the scale inside (imgredux.maps.read_map reads them).
    Exit codes: 0 all done, 2 wrong usage, 3 some files failed, each with a line on stderr.
    """

    def work():
        from imgredux.batch.run import Run

        made = Run(
            name,
            format=format,
            heatmap=heatmap,
            overlay=overlay,
            inject_mse=inject_mse,
            seed=seed,
            quality=quality,
            max_growth=max_growth,
            ppd=ppd,
            peak=peak,
            weights=weights,
            device=device,
            max_pixels=pixels(max_megapixels),
        )
        if device is not None or weights is not None or made.viewing:
            made.start()  # a device that is not there, weights that do not fit, an unmeasured display: wrong usage
        return made

    through(work, images, out, jobs=jobs, force=force, as_json=as_json, shard=shard, engine=engine, told=_told)


def _told(done: "FileResult") -> str:
    if "growth" in done.facts:
        growth, survives = done.facts["growth"], done.facts["survives"]
        return f"{growth:.2f} times the bytes, {100 * survives:.0f} % of the change survives"
    if "phi" not in done.facts:
        return ""
    phi, mse, reached, target = (done.facts[key] for key in ("phi", "mse", "reached", "target"))
    missed = "" if reached else f", not the {target:g} asked for: the map or the image does not allow it"
    return f"phi {phi:.4g}, MSE {mse:.4g}{missed}"
