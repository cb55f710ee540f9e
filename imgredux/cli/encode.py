"""`imgredux encode`: images to streams, or to files of public formats."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from imgredux.cli.text import setting

if TYPE_CHECKING:
    from imgredux.batch.outputs import FileResult


def encode(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", autocompletion=methods("codec"), help="A codec, or NAME.TAG for its weights."),
    ],
    images: Images,
    out: Output,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="An option of the codec, as distance=1.5; info shows its knob."
        ),
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
    """Code images with a codec.

    What it writes is a plain file of a public format where the codec makes one (.jpg, .webp, .avif), else a stream of
    imgredux (.irx, docs/reference/stream.md). Alpha is kept without loss, EXIF and ICC profiles are kept. Folders are
    searched with their subfolders; OUT has the same tree, and a record of what was made. Run the command again to
    go on.

    \b
    imgredux encode jndjpeg photo.png -o photo.jpg --set distance=1.0
    imgredux encode jndlc holiday/ -o coded/ --set quality=2

    \b
    Exit codes: 0 all done, 2 wrong usage, 3 some files failed, each with a line on stderr.
    """
    options = dict(setting(text) for text in settings or [])

    def work():
        from imgredux.batch.encode import Encode

        made = Encode(name, options, weights=weights, device=device, max_pixels=pixels(max_megapixels))
        made.start()  # weights that do not fit are wrong usage
        return made

    through(work, images, out, jobs=jobs, force=force, as_json=as_json, shard=shard, engine=engine, told=told)


def told(done: "FileResult") -> str:
    """The line of a file that was coded or decoded."""
    size = done.facts["bytes"]
    return f"{done.outputs[0]}, {size} bytes, {8 * size / done.facts['pixels']:.3f} bpp"
