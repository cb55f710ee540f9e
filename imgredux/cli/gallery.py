"""`imgredux gallery`: photographs, and what methods do to them, as a page."""

from pathlib import Path
from typing import Annotated

import typer

from imgredux.cli.progress import bar
from imgredux.cli.text import USAGE, fail, line
from imgredux.errors import ImgreduxError


def gallery(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE", help="Photographs that you may show.")],
    out: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="The folder of the page.")],
    methods: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            metavar="NAME",
            help="Only this estimator, restorer or codec, and others so named; repeatable. [default: all installed]",
        ),
    ] = None,
    qualities: Annotated[
        str, typer.Option("--qualities", metavar="Q,R", help="Of the JPEGs that restorers mend.")
    ] = "10,30",
    force: Annotated[bool, typer.Option("--force", help="Write into a folder that is not empty.")] = False,
) -> None:
    """Make a page to look at: noise under maps, old JPEGs restored, files of codecs, and a test of your own eyes.

    Open OUT/index.html in a browser: the page needs no server and no network.
    Exit codes: 0 done, 2 wrong usage, 3 the page cannot be made.
    """
    from imgredux import registry
    from imgredux.gallery import gallery as make

    kinds: dict[str, list[str]] = {"estimator": [], "restorer": [], "codec": []}
    for name in methods or ():
        kinds[registry.info(name.partition(".")[0]).spec.kind].append(name)
    numbers = qualities.split(",")
    if not all(part.isdecimal() and 1 <= int(part) <= 100 for part in numbers):
        fail(f"--qualities {qualities}: give whole numbers from 1 to 100, joined by commas", USAGE)
    if out.exists() and not out.is_dir():
        fail(f"{out}: is a file; the page needs a folder", USAGE)
    estimators, restorers, codecs = (kinds[kind] if methods else None for kind in ("estimator", "restorer", "codec"))
    try:
        with bar() as shown:
            page = make(
                images,
                out,
                estimators=estimators,
                restorers=restorers,
                codecs=codecs,
                qualities=[int(part) for part in numbers],
                overwrite=force,
                progress=shown.show,
            )
    except OSError as error:
        raise ImgreduxError(f"the page cannot be written: {error}") from error
    typer.echo(line(str(page)))
