"""The door for image files: what a file is, before a pixel of it is decoded. Imports no torch."""

import importlib
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike, fspath
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from imgredux.errors import ImageError

MAX_PIXELS = 200_000_000  # of an image that is opened, unless the caller says otherwise
UNBOUNDED = 2**62
GRAY_16 = ("I;16", "I;16B", "I;16L", "I;16N")


@contextmanager
def header_of(file: str | PathLike | bytes) -> Iterator[Image.Image]:
    """A PIL image of which the header is read and no pixel decoded, of a path or of a file's bytes.

    An image of any size is looked at. Raises ImageError for what is no image file, naming it.
    """
    label = f"{len(file)} bytes" if isinstance(file, bytes) else fspath(file)
    try:
        with (
            io.BytesIO(file) if isinstance(file, bytes) else Path(file).open("rb") as source,
            opened(source, UNBOUNDED) as image,
        ):
            yield image
    except ImageError:
        raise
    except Exception as error:  # Pillow's readers raise what they like
        raise ImageError(f"{label}: cannot be read as an image: {error}", "corrupt") from error


def is_deep(image: Image.Image) -> bool:
    """Whether the file that a PIL image was opened as has more than 8 bits a channel."""
    return image.mode in (*GRAY_16, "I", "F") or any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))


def opened(file: BinaryIO, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The image in a file, of which the header is read; JPEG XL and HEIF too where their packages are installed.

    Raises UnidentifiedImageError, ImageError for more pixels than allowed, and what Pillow's readers raise.
    """
    with _no_limit_of_pillows():
        image = _identified(file)
    if image.width * image.height > max_pixels:
        size = f"{image.width}x{image.height}, {image.width * image.height / 1e6:.0f} megapixels"
        raise ImageError(f"the image is {size}; the limit is {max_pixels / 1e6:g}: --max-megapixels raises it", "limit")
    return image


def _identified(file: BinaryIO) -> Image.Image:
    try:
        return Image.open(file)
    except UnidentifiedImageError:
        for module in ("pillow_jxl", "pillow_heif"):
            with suppress(ImportError):
                found = importlib.import_module(module)
                getattr(found, "register_heif_opener", lambda: None)()
        file.seek(0)
        return Image.open(file)


_lock = threading.Lock()


@contextmanager
def _no_limit_of_pillows() -> Iterator[None]:
    """Pillow's own limit of pixels is a variable of the process; ours is an argument, and looked at at once."""
    with _lock:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before
