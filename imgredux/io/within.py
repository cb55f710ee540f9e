"""An image as the best JPEG within so many bytes: what comes from a JPEG need not become a large file."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from imgredux.errors import ImageError
from imgredux.io.files import metadata

SUBSAMPLINGS = ("4:2:0", "4:4:4")
QUALITIES = range(1, 98)


@dataclass(frozen=True)
class Within:
    """A JPEG file, the quality and chroma that were chosen, and its mean squared error against the image."""

    data: bytes
    quality: int
    subsampling: str
    mse: float


def jpeg_within(image: Image.Image, most: int) -> Within:
    """The JPEG of at most `most` bytes that is nearest to an image of mode L or RGB, with its metadata.

    Tables are the IJG's, the finest that fit, tried with chroma at half size and at full; progressive, with optimal
    Huffman codes. Raises ImageError where not even the coarsest fit, and for another mode.
    """
    if image.mode not in ("L", "RGB"):
        raise ImageError(f"JPEG does not hold PIL mode {image.mode!r}: use .png")
    about = metadata(image, "JPEG")
    pixels = np.asarray(image).astype(np.float32)

    def tried(quality: int, subsampling: str) -> bytes:
        chroma: dict[str, Any] = {"subsampling": subsampling} if image.mode == "RGB" else {}
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality, optimize=True, progressive=True, **chroma, **about)
        return file.getvalue()

    found: list[Within] = []
    for subsampling in SUBSAMPLINGS if image.mode == "RGB" else SUBSAMPLINGS[1:]:
        low, high, best = QUALITIES.start, QUALITIES.stop - 1, None
        while low <= high:
            quality = (low + high) // 2
            data = tried(quality, subsampling)
            if len(data) <= most:
                best, low = (quality, data), quality + 1
            else:
                high = quality - 1
        if best is not None:
            with Image.open(io.BytesIO(best[1])) as written:
                mse = float(np.square(np.asarray(written.convert(image.mode)) - pixels).mean())
            found.append(Within(best[1], best[0], subsampling, mse))
    if not found:
        raise ImageError(f"no JPEG of the image has {most} bytes or fewer")
    return min(found, key=lambda one: one.mse)
