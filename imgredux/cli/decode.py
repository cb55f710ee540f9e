"""`imgredux decode`: streams back to images."""

from pathlib import Path
from typing import Annotated

import typer

from imgredux.cli.encode import told
from imgredux.cli.files import Device, Force, Jobs, Json, through


def decode(
    streams: Annotated[
        list[Path], typer.Argument(metavar="STREAM", help="Streams, or folders of .irx files with their subfolders.")
    ],
    out: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="A file for one stream, else a folder.")],
    device: Device = None,
    jobs: Jobs = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Decode streams into images; the method and the weights are found by what the stream says.

    \b
    imgredux decode photo.irx -o photo.png
    imgredux decode coded/ -o decoded/

    \b
    Exit codes: 0 all done, 2 wrong usage, 3 some files failed, each with a line on stderr.
    """

    def work():
        from imgredux.batch.encode import Decode

        return Decode(device=device)

    through(work, streams, out, jobs=jobs, force=force, as_json=as_json, told=told)
