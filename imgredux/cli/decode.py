"""`imgredux decode`: streams back to images."""

from pathlib import Path
from typing import Annotated

import typer

from imgredux.cli.encode import told
from imgredux.cli.files import MEGAPIXELS, Device, Engine, Force, Jobs, Json, Megapixels, Shard, pixels, through


def decode(
    streams: Annotated[
        list[Path], typer.Argument(metavar="STREAM", help="Streams, or folders of .irx files with their subfolders.")
    ],
    out: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="A file for one stream, else a folder.")],
    untrusted: Annotated[
        bool, typer.Option("--untrusted", help="Each in a process of its own, of at most 2 GiB and a minute.")
    ] = False,
    device: Device = None,
    jobs: Jobs = None,
    shard: Shard = None,
    engine: Engine = "processes",
    force: Force = False,
    max_megapixels: Megapixels = MEGAPIXELS,
    as_json: Json = False,
) -> None:
    """Decode streams into images; the method and the weights are found by what the stream says.

    \b
    imgredux decode photo.irx -o photo.png
    imgredux decode coded/ -o decoded/
    imgredux decode upload.irx -o upload.png --untrusted

    \b
    Exit codes: 0 all done, 2 wrong usage, 3 some files failed, each with a line on stderr.
    """

    def work():
        from imgredux.batch.encode import Decode

        return Decode(device=device, untrusted=untrusted, max_pixels=pixels(max_megapixels))

    through(work, streams, out, jobs=jobs, force=force, as_json=as_json, shard=shard, engine=engine, told=told)
