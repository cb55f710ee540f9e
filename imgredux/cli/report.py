"""`imgredux report`: rows of results, and images, as a page."""

from pathlib import Path
from typing import Annotated

import typer

from imgredux.cli.text import USAGE, fail


def report(
    results: Annotated[Path, typer.Argument(metavar="RESULTS", help="The file that `imgredux eval` wrote.")],
    out: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="The folder of the report.")],
    image: Annotated[
        list[Path] | None,
        typer.Option("--image", metavar="FILE", help="An image to show under what the methods do to it; repeatable."),
    ] = None,
    mse: Annotated[float, typer.Option("--mse", help="Of the noise on the images, squared grey levels.")] = 100.0,
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method", metavar="NAME", help="Only this method, and the baselines; repeatable. [default: all]"
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the noise on the images.")] = 0,
) -> None:
    """Make one self-contained HTML page and one Markdown file of results: OUT/index.html and OUT/table.md.

    Files of these names are replaced. Figures that papers print stand beside ours, in tables of their own.
    Exit codes: 0 done, 2 wrong usage, 3 the report cannot be made.
    """
    from imgredux.report import report as make

    if not results.is_file():
        fail(f"{results}: there is no such file", USAGE)
    if out.exists() and not out.is_dir():
        fail(f"{out}: is a file; the report needs a folder", USAGE)
    typer.echo(str(make(results, out, images=image, methods=method, mse=mse, seed=seed)))
