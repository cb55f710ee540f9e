"""`imgredux encode`, `decode` and `identify`: images to streams and back."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imgredux import registry
from imgredux.cli.progress import bar
from imgredux.cli.text import FAILED, USAGE, complain, fail, line, setting, terminated_like_interrupted
from imgredux.errors import ImgreduxError

if TYPE_CHECKING:
    from imgredux.batch.outputs import FileResult

Force = Annotated[bool, typer.Option("--force", help="Overwrite existing files.")]
Device = Annotated[str | None, typer.Option("--device", help="Where to compute, as cuda. [default: cpu]")]


def encode(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A codec, or NAME.TAG for its weights.")],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Image files, or folders of them.")],
    out: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="A file for one image, else a folder.")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="An option of the codec, as distance=1.5; info shows its knob."
        ),
    ] = None,
    weights: Annotated[Path | None, typer.Option("--weights", metavar="FILE", help="Weights of your own.")] = None,
    device: Device = None,
    force: Force = False,
) -> None:
    """Code images with a codec.

    What it writes is a plain file of a public format where the codec makes one (.jpg, .webp, .avif), else a stream of
    imgredux (.irx, docs/stream.md). Alpha is kept without loss, EXIF and ICC profiles are kept.

    \b
    imgredux encode jndjpeg photo.png -o photo.jpg --set distance=1.0
    imgredux encode jndlc holiday/ -o coded/ --set quality=2

    \b
    Exit codes: 0 all done, 2 wrong usage, 3 some files failed, each with a line on stderr.
    """
    from imgredux.batch import encode as coding
    from imgredux.io.finding import find_images
    from imgredux.methods.codec import Codec

    options = dict(setting(text) for text in settings or [])
    spec = registry.info(name.partition(".")[0]).spec
    if spec.kind != "codec":
        fail(f"{name} is of the kind {spec.kind}: encode takes codecs", USAGE)
    try:
        count = len(find_images(images))
        codec = registry.get(name, device, weights=weights)
        assert isinstance(codec, Codec)  # its kind says so
        results = coding.encode_files(codec, images, out, options, force=force)
    except ImgreduxError as error:
        fail(error, USAGE)
    _tell(results, count, "bpp")


def decode(
    streams: Annotated[list[Path], typer.Argument(metavar="STREAM", help="Streams, or folders of .irx files.")],
    out: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="A file for one stream, else a folder.")],
    device: Device = None,
    force: Force = False,
) -> None:
    """Decode streams into images; the method and the weights are found by what the stream says.

    \b
    imgredux decode photo.irx -o photo.png
    imgredux decode coded/ -o decoded/

    \b
    Exit codes: 0 all done, 2 wrong usage, 3 some files failed, each with a line on stderr.
    """
    from imgredux.batch import encode as coding

    try:
        count = len(coding.find_streams(streams))
        results = coding.decode_files(streams, out, device=device, force=force)
    except ImgreduxError as error:
        fail(error, USAGE)
    _tell(results, count)


def identify(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE", help="Streams or image files.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Say what files are, without decoding them: every checksum of a stream is checked.

    \b
    Exit codes: 0 all are whole, 3 some are not, each with a line on stderr.
    """
    from imgredux.batch import encode as coding

    failed = 0
    for path in paths:
        try:
            found = coding.describe(path)
        except (ImgreduxError, OSError) as error:
            failed += 1
            typer.echo(line(f"imgredux: {path}: {error}"), err=True)
            continue
        if as_json:
            typer.echo(json.dumps({"file": str(path), **found}))
            continue
        found["bytes"] = f"{found['bytes']} ({8 * found['bytes'] / (found['width'] * found['height']):.3f} bpp)"
        typer.echo(line(str(path)))
        for key, value in found.items():
            shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
            shown = ", ".join(shown) if isinstance(shown, list) else shown
            if shown not in ("", []):
                typer.echo(line(f"  {key:<9}{shown}"))
    if failed:
        raise typer.Exit(FAILED)


def _tell(results: "Iterable[FileResult]", total: int, what: str = "") -> None:
    """A line for each file as it is done; exits with the code for failures."""
    failed = 0
    with terminated_like_interrupted(), bar(total) as shown:
        for done in results:
            if done.error is not None:
                failed += 1
                complain(done.input, done.error)
            else:
                size, (output,) = done.facts["bytes"], done.outputs
                rate = f", {8 * size / done.facts['pixels']:.3f} {what}" if what else ""
                print(line(f"{done.input}: {output}, {size} bytes{rate}"))
            shown.advance(done.input.name)
    if failed:
        raise typer.Exit(FAILED)
