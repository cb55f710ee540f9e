"""A new file opened again as a stranger would: does it show the picture that it was made of?"""

import io
from typing import TYPE_CHECKING

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


def differs(data: bytes, original: "Image.Image") -> str:
    """In what a new file differs from the image it was made of, in words; empty where it shows the same picture.

    original: as `decoding.open_image` gives it. Both are upright and sRGB before they are compared.
    """
    from torch.nn import functional as F

    from imgredux.io import decoding, images

    found = inventory(data)
    if found.broken:
        return f"is damaged: {found.broken}"
    if {*found.turned.values()} - {1}:
        return "still states an orientation"
    lost = found.lost((*CARRIED, *IN_JPEG))
    if lost:
        return f"holds what nobody put there: {', '.join(lost)}"
    try:
        new, old = images.read(decoding.open_bytes(data, max_pixels=UNBOUNDED)), images.read(original)
    except ImageError as error:
        return f"cannot be opened: {error}"
    if new.x.shape[-2:] != old.x.shape[-2:]:
        return "has another size: {} x {}".format(*reversed(new.x.shape[-2:]))
    if (new.alpha is None) != (old.alpha is None):
        return "has no transparency" if new.alpha is None else "has gained transparency"
    x, y = (one.x.mean(1, keepdim=True) if new.x.shape != old.x.shape else one.x for one in (new, old))
    x, y = (_over_black(planes, one) for planes, one in ((x, new), (y, old)))
    levels = 255 * (F.avg_pool2d(x, BLOCK, ceil_mode=True) - F.avg_pool2d(y, BLOCK, ceil_mode=True)).abs()
    if levels.mean() > MEAN or levels.max() > MOST:
        return f"shows another picture: its blocks differ by {levels.max():.0f} grey levels"
    return ""


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
