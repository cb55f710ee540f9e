"""A new file opened again as a stranger would: does it show the picture that it was made of, and how well?"""

import io
from typing import TYPE_CHECKING, NamedTuple

from imgredux.errors import ImageError
from imgredux.io import boxes, chunks, jxl, segments
from imgredux.io.inventory import CARRIED, IN_JPEG, inventory
from imgredux.io.opening import UNBOUNDED

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from imgredux.io.images import Source

BLOCK = 8  # pixels
# Grey levels by which the means of blocks may differ: noise of coding is far below, a picture that is turned above.
MEAN, MOST = 6.0, 40.0


class Proof(NamedTuple):
    """In what a new file differs, in words, empty for the same picture; SSIMULACRA 2, and that of its worst tile.

    same: every sample is the original's. worst_at: that tile, left, top, right and bottom.
    """

    differs: str
    score: float = 0.0
    worst: float = 0.0
    same: bool = False
    worst_at: tuple[int, ...] = ()


def proof(data: bytes, original: "Image.Image") -> Proof:
    """What is seen of a new file beside the image it was made of.

    original: as `filecodec.as_written` gives it. Both are in sRGB when they are compared.
    """
    from imgredux.io import decoding
    from imgredux.judging import Judge
    from imgredux.methods.filecodec import as_written

    found = inventory(data)
    if found.broken:
        return Proof(f"is damaged: {found.broken}")
    if {*found.turned.values()} - {1}:
        return Proof("still states an orientation")
    lost = found.lost((*CARRIED, *IN_JPEG))
    if lost:
        return Proof(f"holds what nobody put there: {', '.join(lost)}")
    try:
        new = as_written(decoding.open_bytes(data, max_pixels=UNBOUNDED))
    except ImageError as error:
        return Proof(f"cannot be opened: {error}")
    if new.size != original.size:
        return Proof(f"has another size: {new.width} x {new.height}")
    if ("A" in new.mode) != ("A" in original.mode):
        return Proof("has gained transparency" if "A" in new.mode else "has no transparency")
    levels = _difference(new, original)
    if levels.mean() > MEAN or levels.max() > MOST:
        return Proof(f"shows another picture: its blocks differ by {levels.max():.0f} grey levels")
    if new.convert(original.mode).tobytes() == original.tobytes():
        return Proof("", 100.0, 100.0, same=True)
    judge = Judge(original)
    worst, place = judge.worst_place(new)
    return Proof("", judge.score(new), worst, worst_at=place)


def _difference(new: "Image.Image", original: "Image.Image") -> "Tensor":
    """Grey levels by which the means of blocks differ, and those of their transparency."""
    from imgredux.io import images

    sources = [images.read(one.reduce(BLOCK)) for one in (new, original)]
    gray = len({one.x.shape[1] for one in sources}) > 1  # a format without greyscale
    x, y = (_over_black(one.x.mean(1, keepdim=True) if gray else one.x, one) for one in sources)
    return 255 * (x - y).abs()


def _over_black(planes: "Tensor", source: "Source") -> "Tensor":
    """What is seen of an image with transparency, and its transparency as one more plane."""
    from torch import cat

    if source.alpha is None:
        return planes
    alpha = planes.new_tensor(source.alpha / source.peak)[None, None]
    return cat([planes * alpha, alpha], 1)


def marked(data: bytes, text: str) -> bytes:
    """A file of a public format with the mark of `optimize`, which survives copying; readers pass over it."""
    from PIL import Image

    form = inventory(data).form
    if form == "JPEG":
        return segments.marked(data, text)
    if form == "WebP":
        with Image.open(io.BytesIO(data)) as image:
            return chunks.marked_webp(data, text, image.size, "A" in image.mode)
    if form == "JPEG XL":
        return jxl.marked_jxl(data, text)
    return boxes.marked_heif(data, text)
