"""The command line, a module for each group of commands. Help and listing import neither torch nor numpy."""

import sys
import warnings
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from imgredux._version import __version__
from imgredux.cli.decode import decode
from imgredux.cli.encode import encode
from imgredux.cli.eval import evaluate
from imgredux.cli.export import export
from imgredux.cli.gallery import gallery
from imgredux.cli.identify import identify
from imgredux.cli.list import info, list_names
from imgredux.cli.make_pairs import make_pairs
from imgredux.cli.manners import speaking
from imgredux.cli.maps import maps
from imgredux.cli.new import new
from imgredux.cli.optimize import optimize
from imgredux.cli.report import report
from imgredux.cli.run import run
from imgredux.cli.text import fail, line, print_anything, say
from imgredux.cli.train import train
from imgredux.errors import ImgreduxError, reason_of

EXAMPLES = """Examples:

\b
  imgredux list
  imgredux info wei2009
  imgredux run wei2009 photo.jpg -o photo.jnd.png --heatmap
  imgredux run wei2009 holiday/ -o maps/ --inject-mse 26.8
  imgredux run auto photos/ -o restored/
  imgredux optimize holiday/ -o small/ --target side-by-side
  imgredux encode jndjpeg photo.png -o photo.jpg --set distance=1.0
  imgredux make-pairs pristine/ -o pairs/ --target 65
  imgredux maps qp photo.png --codec x265 -o roi.txt
  imgredux eval all --protocol jnd-equal-mse --data kodak/ -o results.jsonl
  imgredux report results.jsonl -o report/
  imgredux train arcnn.q10 --images pristine/ -o runs/arcnn --max-minutes 30
  imgredux export arcnn -o arcnn.onnx
  imgredux gallery photo.png -o see/
  imgredux new estimator mine
"""


class _Group(TyperGroup):
    """Every error we raise on purpose becomes one line on stderr, every warning too."""

    def invoke(self, ctx: Any) -> Any:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            try:
                return super().invoke(ctx)
            except ImgreduxError as error:
                fail(error)
            except (MemoryError, ImportError) as error:
                if reason_of(error) != "memory":
                    raise
                fail(f"there is too little memory: {error}".rstrip(": "))


def _show_warning(message: Warning | str, *_: Any) -> None:
    say(line(f"imgredux: warning: {message}"), file=sys.stderr)


app = typer.Typer(
    cls=_Group,
    name="imgredux",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("list")(list_names)
app.command("info")(info)
app.command("run")(run)
app.command("eval")(evaluate)
app.command("report")(report)
app.command("encode")(encode)
app.command("decode")(decode)
app.command("identify")(identify)
app.command("optimize")(optimize)
app.command("make-pairs")(make_pairs)
app.add_typer(maps, name="maps")
app.command("train")(train)
app.command("export")(export)
app.command("new")(new)
app.command("gallery")(gallery)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"imgredux {__version__}")
        raise typer.Exit


@app.callback(no_args_is_help=True)
def _imgredux(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="No notes and no progress bar; errors stay.")] = False,
    verbose: Annotated[
        int, typer.Option("-v", "--verbose", count=True, help="Say on stderr what is done; -vv: more of it.")
    ] = 0,
) -> None:
    """Estimate and exploit what the eye cannot see in an image."""
    context.with_resource(speaking(quiet, verbose))


def main() -> None:
    """The console script `imgredux`. Exit codes: 0 all done, 2 wrong usage, 3 something failed."""
    print_anything()
    app(prog_name="imgredux")
