"""`imgredux new`: the files of a plugin."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from imgredux import registry
from imgredux._version import __version__
from imgredux.cli.skeleton import files
from imgredux.cli.text import USAGE, fail, line, say
from imgredux.errors import ImgreduxError
from imgredux.methods.spec import AUTO, NAME


def new(
    kind: Annotated[Literal["estimator", "restorer", "codec"], typer.Argument(metavar="KIND", help="What it is.")],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Of the method: lower-case letters, digits, - and _, a letter first.")
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="The folder to write to. [default: NAME]")
    ] = None,
) -> None:
    """Write the files of a plugin: a method that works, to be replaced by your own, and the test of the contract.

    Nothing is overwritten. KIND is estimator, restorer or codec.

    \b
    imgredux new estimator mine
    pip install -e "mine[test]" && pytest mine

    \b
    Exit codes: 0 done, 2 wrong usage, 3 the files cannot be written.
    """
    if not NAME.fullmatch(name) or name == AUTO or not name[-1].isalnum():
        fail(f"NAME {name!r}: use lower-case letters, digits, '-' and '_', a letter first; not {AUTO!r}", USAGE)
    if name in registry.list_methods():
        fail(f"a method named {name!r} is installed already: choose another name", USAGE)
    folder = out or Path(name)
    texts = files(kind, name, __version__)
    there = [path for path in texts if (folder / path).exists()]
    if folder.is_file() or there:
        fail(f"{folder / there[0] if there else folder} exists already: choose another folder with -o", USAGE)
    try:
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            with (folder / path).open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        raise ImgreduxError(f"the plugin cannot be written: {error}") from error
    for path in texts:
        say(line(str(folder / path)))
    said = "." if folder == Path() else str(folder)
    say(line(f'next: pip install -e "{said}[test]" && pytest {said}'))
