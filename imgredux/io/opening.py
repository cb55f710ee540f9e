"""The door for image files: what a file is, before a pixel of it is decoded. Imports no torch."""

import importlib
import io
import threading
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress
from os import PathLike, fspath
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from imgredux.errors import ImageError

# Formats of Pillow that hold photographs and drawings. Not EPS and its like, which start other programs.
FORMATS = frozenset(
    "PNG JPEG MPO TIFF WEBP BMP DIB GIF PPM JPEG2000 AVIF TGA PCX SGI QOI ICO JXL HEIF".split()  # noqa: SIM905
)
MAX_PIXELS = 200_000_000  # of an image that is opened, unless the caller says otherwise
MOST_FRAMES = 1000  # that are counted
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
    except UnidentifiedImageError as error:
        raise ImageError(f"{label}: cannot be read as an image: no format that is read here", "corrupt") from error
    except Exception as error:  # Pillow's readers raise what they like
        raise ImageError(f"{label}: cannot be read as an image: {error}", "corrupt") from error


def depth_of(image: Image.Image, data: bytes, stated: int | None = None) -> int:
    """Bits a channel of the file that a PIL image was opened as. stated: what its inventory says."""
    if image.format == "JPEG2000":
        at = data.find(b"\xff\x4f\xff\x51")  # SOC and SIZ
        return (data[at + 42] & 0x7F) + 1 if 0 <= at < len(data) - 42 else 8
    if image.mode in GRAY_16 or any(";16" in str(tile[3]) for tile in getattr(image, "tile", ())):
        return 16
    return 32 if image.mode in ("I", "F") else stated or 8


def frames_of(image: Image.Image, data: bytes) -> int:
    """How many pictures the file holds that Pillow would show one after the other; at most 1,000 pages are counted."""
    return _pages(data) if image.format == "TIFF" else getattr(image, "n_frames", 1)


def _pages(data: bytes) -> int:
    """Of a TIFF, by the chain of its directories alone."""
    order = "little" if data[:2] == b"II" else "big"
    long = int.from_bytes(data[2:4], order) == 43  # BigTIFF
    size, head, entry = (8, 8, 20) if long else (4, 2, 12)
    at, seen = 8 if long else 4, set()
    while len(seen) < MOST_FRAMES:
        place = int.from_bytes(data[at : at + size], order)
        if place == 0 or place in seen or place + head > len(data):
            break
        seen.add(place)
        at = place + head + entry * int.from_bytes(data[place : place + head], order)
    return max(len(seen), 1)


def opened(file: BinaryIO, max_pixels: int = MAX_PIXELS, formats: Set[str] = FORMATS) -> Image.Image:
    """The image in a file, of which the header is read; JPEG XL and HEIF too where their packages are installed.

    formats: those that it may be of, as Pillow calls them. Raises UnidentifiedImageError, ImageError for more pixels
    than allowed, and what Pillow's readers raise.
    """
    with _no_limit_of_pillows():
        image = _identified(file, formats)
    if image.width * image.height > max_pixels:
        size = f"{image.width}x{image.height}, {image.width * image.height / 1e6:.0f} megapixels"
        raise ImageError(f"the image is {size}; the limit is {max_pixels / 1e6:g}: --max-megapixels raises it", "limit")
    return image


def _identified(file: BinaryIO, formats: Set[str]) -> Image.Image:
    Image.init()
    try:
        return Image.open(file, formats=_known(formats))
    except UnidentifiedImageError:
        for module in ("pillow_jxl", "pillow_heif"):
            with suppress(ImportError):
                found = importlib.import_module(module)
                getattr(found, "register_heif_opener", lambda: None)()
        file.seek(0)
        return Image.open(file, formats=_known(formats))


def _known(formats: Set[str]) -> list[str]:
    """Those that Pillow has, in its order: some of its readers take what is another's."""
    return [form for form in Image.ID if form in formats]


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
