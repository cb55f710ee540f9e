"""The door for image files: what a file is, before a pixel of it is decoded. Imports no torch."""

import importlib
import io
import math
import os
import re
import struct
import tempfile
import threading
import warnings
from collections.abc import Iterator, Set
from contextlib import ExitStack, contextmanager, suppress
from os import PathLike, fspath
from pathlib import Path
from typing import BinaryIO, cast

from PIL import Image, UnidentifiedImageError

from imgredux.errors import ImageError

# Formats of Pillow that hold photographs and drawings. Not EPS and its like, which start other programs.
FORMATS = frozenset(
    "PNG JPEG MPO TIFF WEBP BMP DIB GIF PPM JPEG2000 AVIF TGA PCX SGI QOI ICO JXL HEIF".split()  # noqa: SIM905
)
MAX_PIXELS = 200_000_000  # of an image that is opened, unless the caller says otherwise
# A file of more pixels than this has a byte for so many of them, or it is one that was made to fill the memory. A flat
# picture of 8 bits has one for 1,030 where it is deflated: nothing packs more tightly there.
SPARSE, PIXELS_A_BYTE = 2**24, 2000
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

    max_pixels: what decoding it may take, the tiles of a TIFF and the pictures in an icon included. One of more than 16
    megapixels in a tiny file is refused too, unless max_pixels is above the default. formats: those that it may be of,
    as Pillow calls them. Raises UnidentifiedImageError, ImageError for what is refused, and what Pillow's readers
    raise.
    """
    with no_limit_of_pillows():
        image = _identified(file, formats)
    width, height = max((image.size, *_inner_sizes(image, file)), key=math.prod)
    pixels, size = width * height, f"{width}x{height}, {width * height / 1e6:.0f} megapixels"
    if pixels > max_pixels:
        raise ImageError(f"the image is {size}; the limit is {max_pixels / 1e6:g}: --max-megapixels raises it", "limit")
    place, count = file.tell(), file.seek(0, os.SEEK_END)
    file.seek(place)
    if pixels > max(SPARSE, PIXELS_A_BYTE * count) and max_pixels <= MAX_PIXELS:
        raise ImageError(
            f"the image is {size} in {count} bytes, as a file is that is to fill the memory: "
            f"--max-megapixels above {MAX_PIXELS / 1e6:g} reads it all the same",
            "limit",
        )
    return image


def _inner_sizes(image: Image.Image, file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Sizes of what a decoder makes on the way: tiles of a TIFF, and PNG pictures that an icon says are small."""
    if image.format == "TIFF":
        tags = getattr(image, "tag_v2", {})
        tile = (tags.get(322), tags.get(323))
        if all(isinstance(side, int) for side in tile):
            yield cast(tuple[int, int], tile)
    elif image.format == "ICO":
        place = file.tell()
        file.seek(0)
        data = file.read()
        file.seek(place)
        for entry in range(int.from_bytes(data[4:6], "little")):
            at = int.from_bytes(data[6 + 16 * entry + 12 : 6 + 16 * entry + 16], "little")
            if data[at + 12 : at + 16] == b"IHDR":
                yield struct.unpack(">II", data[at + 16 : at + 24].ljust(8, b"\0"))


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
_users = 0  # of Pillow without its limit
_before: int | None = None


@contextmanager
def no_limit_of_pillows() -> Iterator[None]:
    """Pillow's own limit of pixels is a variable of the process; ours is an argument, and looked at at once."""
    global _users, _before
    with _lock:
        if _users == 0:
            _before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                Image.MAX_IMAGE_PIXELS = _before


@contextmanager
def libtiff_heard(label: str) -> Iterator[None]:
    """What libtiff writes to the process's standard error inside the block becomes a warning that names the file."""
    with _stderr, ExitStack() as stack:  # two threads would take each other's file for the standard error
        try:
            file = stack.enter_context(tempfile.TemporaryFile())
            kept = os.dup(2)
        except OSError:  # there is no room for such a file, or nothing to hear: it is read all the same
            yield
            return
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            lines = [line for line in file.read().splitlines(keepends=True) if line.strip()]
            said = [line.decode("utf-8", "replace").strip().rstrip(".") for line in lines if _LIBTIFF.match(line)]
            for line in dict.fromkeys(said[:MOST_LINES]):
                warnings.warn(f"{label}: libtiff says: {line}", stacklevel=5)
            with suppress(OSError):  # what others wrote meanwhile
                os.write(2, b"".join(line for line in lines if not _LIBTIFF.match(line)))


_stderr = threading.Lock()
_LIBTIFF = re.compile(rb"\w+: ")  # the name of its function
MOST_LINES = 3
