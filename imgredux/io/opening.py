"""The door for image files: what a file is, before a pixel of it is decoded. Imports no torch."""

import importlib
import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike, fspath
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from imgredux.errors import ImageError

GRAY_16 = ("I;16", "I;16B", "I;16L", "I;16N")


@contextmanager
def header_of(file: str | PathLike | bytes) -> Iterator[Image.Image]:
    """A PIL image of which the header is read and no pixel decoded, of a path or of a file's bytes.

    Raises ImageError for what is no image file, naming it.
    """
    label = f"{len(file)} bytes" if isinstance(file, bytes) else fspath(file)
    try:
        with io.BytesIO(file) if isinstance(file, bytes) else Path(file).open("rb") as source, opened(source) as image:
            yield image
    except ImageError:
        raise
    except Exception as error:  # Pillow's readers raise what they like
        raise ImageError(f"{label}: cannot be read as an image: {error}") from error


def is_deep(image: Image.Image) -> bool:
    """Whether the file that a PIL image was opened as has more than 8 bits a channel."""
    return image.mode in (*GRAY_16, "I", "F") or any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))


def opened(file: BinaryIO) -> Image.Image:
    """The image in a file; JPEG XL too where its package, which Pillow knows nothing of, is installed."""
    try:
        return Image.open(file)
    except UnidentifiedImageError:
        with suppress(ImportError):
            importlib.import_module("pillow_jxl")
            file.seek(0)
            return Image.open(file)
        raise
