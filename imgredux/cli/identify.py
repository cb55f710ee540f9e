"""`imgredux identify`: what files are."""

import json
from pathlib import Path
from typing import Annotated

import typer

from imgredux.cli.text import FAILED, complain, line, say
from imgredux.errors import ImgreduxError


def identify(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE", help="Streams or image files.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Say what files are, without decoding them: every checksum of a stream is checked.

    \b
    Exit codes: 0 all are whole, 3 some are not, each with a line on stderr.
    """
    from imgredux.batch.encode import describe

    failed = 0
    for path in paths:
        try:
            found = describe(path)
        except (ImgreduxError, OSError) as error:
            failed += 1
            complain(path, str(error))
            continue
        if as_json:
            say(json.dumps({"file": str(path), **found}))
            continue
        found["bytes"] = f"{found['bytes']} ({8 * found['bytes'] / (found['width'] * found['height']):.3f} bpp)"
        say(line(str(path)))
        for key, value in found.items():
            shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
            shown = ", ".join(shown) if isinstance(shown, list) else shown
            if shown not in ("", []):
                say(line(f"  {key:<12}{shown}"))
    if failed:
        raise typer.Exit(FAILED)
