"""`imgredux maps`: what encoders and people can use of a JND map."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from imgredux.cli.text import line, say

maps = typer.Typer(help="What encoders can use of a JND map.", no_args_is_help=True)


@maps.command("qp")
def qp(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="An image file.")],
    out: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="The file to write; .npy: the offsets alone, int8.")
    ],
    codec: Annotated[
        Literal["x264", "x265", "kvazaar"],
        typer.Option(help="x264 and x265: a filter script for ffmpeg; kvazaar: its ROI file."),
    ] = "x265",
    method: Annotated[str, typer.Option(help="The estimator, by name; by default the one that hides most.")] = "",
    block: Annotated[int, typer.Option(min=4, help="Side of the blocks, in pixels.")] = 16,
    strength: Annotated[
        float, typer.Option(min=0, help="At 1, a block that may hide twice as much has 6 QP more.")
    ] = 0.35,
    most: Annotated[int, typer.Option(min=0, help="The largest offset.")] = 6,
) -> None:
    """Write an offset of the quantization parameter for each block of an image, for a video encoder.

    \b
      imgredux maps qp photo.png --codec x265 -o roi.txt
      ffmpeg -i photo.png -/filter:v roi.txt -c:v libx265 -x265-params aq-mode=1:aq-strength=0 out.mp4

    The encoder's own adaptive quantization is turned off by its strength of 0: both would do the same work twice.
    """
    import io

    import numpy as np

    from imgredux import registry
    from imgredux.io.decoding import open_image
    from imgredux.io.files import atomic
    from imgredux.io.images import read
    from imgredux.maps.qp import qp_offsets, roi_text
    from imgredux.methods.base import Estimator

    estimator = registry.get(method or registry.default("estimator"))
    if not isinstance(estimator, Estimator):
        raise typer.BadParameter(f"{estimator.label} is no estimator", param_hint="--method")
    opened = open_image(image)
    jnd = estimator.adapt(opened, {}) * (255 / read(opened).peak)
    offsets = qp_offsets(jnd, block, strength, most)
    with atomic(out) as file:
        if out.suffix == ".npy":
            held = io.BytesIO()
            np.save(held, offsets)
            file.write_bytes(held.getvalue())
        else:
            file.write_text(roi_text(offsets, block, (jnd.shape[1], jnd.shape[0]), codec), "ascii")
    rows, columns = offsets.shape
    about = f"{columns}x{rows} blocks of {block}, offsets from {offsets.min()} to {offsets.max()}, by {estimator.label}"
    say(line(f"{out}: {about}"))
