"""`imgredux export`: a method as a graph for other runtimes."""

from pathlib import Path
from typing import Annotated

import typer

from imgredux.cli.completing import methods
from imgredux.cli.text import USAGE, fail, line, setting
from imgredux.errors import ImgreduxError


def export(
    name: Annotated[
        str, typer.Argument(metavar="NAME", autocompletion=methods(), help="A method, or NAME.TAG for its weights.")
    ],
    out: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="FILE.onnx, or FILE.pt2 of torch.export.")
    ],
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="HxW", help="For images of this size alone. [default: any, where that can be]"),
    ] = None,
    channels: Annotated[
        int | None, typer.Option("--channels", metavar="C", help="1 or 3. [default: the most it takes]")
    ] = None,
    weights: Annotated[Path | None, typer.Option("--weights", metavar="FILE", help="Weights of your own.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A keyword of the method's call, fixed in the graph."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
) -> None:
    """Write a method as ONNX or as a program of torch.export.

    The graph takes `image`, (1, C, H, W) in [0, 1]; a restorer also `qtable`, (1, 2, 8, 8), the quantization steps of
    luma and chroma. It is the network alone: no reading of files, no looking for traces of JPEG.

    Exit codes: 0 done, 2 wrong usage, 3 the method is one that no graph can say.
    """
    sides = None
    if size is not None:
        parts = size.lower().split("x")
        if len(parts) != 2 or not all(part.isdecimal() for part in parts):
            fail(f"--size {size}: give height and width, as in 512x768", USAGE)
        sides = [int(part) for part in parts]
    options = dict(setting(change) for change in changes or ())
    from imgredux import registry
    from imgredux.export import SUFFIXES
    from imgredux.export import export as write

    if out.suffix not in SUFFIXES:
        fail(f"{out}: give a name that ends in {' or '.join(SUFFIXES)}", USAGE)
    if out.exists() and not force:
        fail(f"{out} exists: give --force to replace it", USAGE)
    try:
        found = write(
            registry.get(name, weights=weights), out, channels=channels, size=sides, overwrite=force, **options
        )
    except OSError as error:
        raise ImgreduxError(f"{out} cannot be written: {error}") from error
    sizes = (
        "{}x{} pixels".format(*found.size) if found.size else f"any size in steps of {found.step} from {found.least}"
    )
    inputs = " and ".join(found.inputs)
    typer.echo(line(f"{out}: {inputs} to {' and '.join(found.outputs)}, {found.channels} channels, {sizes}"))
