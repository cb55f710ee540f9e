"""Files that are either whole or not there, and images written without loss of what goes with them."""

import io
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from imgredux.errors import ImageError
from imgredux.io import deep
from imgredux.io.inventory import CARRIED
from imgredux.io.xmp import with_texts

FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
    ".bmp": "BMP",
}
# What `run` writes is lossless where the format can be, and near it in JPEG.
OPTIONS: dict[str, dict[str, Any]] = {
    "PNG": {"compress_level": 1},
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "WEBP": {"lossless": True},
}
KEPT = ("exif", "icc_profile", "dpi")
MOST_IN_SEGMENT = 65_533  # bytes, of a JPEG's
LONG = 1024  # characters of a text that is worth packing
_XMP_TAG = 700  # of TIFF
_TEMPORARY = ".imgredux-"


@contextmanager
def atomic(path: str | PathLike) -> Iterator[Path]:
    """A temporary path in the folder of `path`, which becomes `path` when the block ends without an error.

    When it ends with one, KeyboardInterrupt included, the temporary file is removed and `path` is as it was.
    """
    final = Path(path)
    temporary = final.with_name(f"{_TEMPORARY}{secrets.token_hex(8)}.tmp")
    try:
        yield temporary
        temporary.replace(final)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sweep(folders: Iterable[Path]) -> None:
    """Remove what killed processes left of `atomic` in these folders, which no process writes to now."""
    for folder in folders:
        for left in folder.glob(f"{_TEMPORARY}*.tmp"):
            left.unlink(missing_ok=True)


def write_image(path: str | PathLike, image: Image.Image) -> None:
    """Write an image atomically in the format of the path's suffix, with its EXIF, XMP, ICC profile, texts and
    resolution.

    JPEG gets quality 95 and 4:4:4, WebP is lossless. 16 bits a channel in color (`imgredux.io.deep`) go into PNG
    alone. Raises ImageError for a suffix or mode that does not do; OSError.
    """
    suffix = Path(path).suffix
    form = FORMATS.get(suffix.lower())
    if form is None:
        raise ImageError(f"an image is not written as {suffix or 'a file without suffix'}: use {', '.join(FORMATS)}")
    info, samples = metadata(image, form), deep.samples_of(image)
    if samples is not None:
        if form != "PNG":
            raise ImageError(f"{form} is written with 8 bits a channel in color: use .png for the 16 of this image")
        about = io.BytesIO()
        image.resize((1, 1)).save(about, form, **info)
        with atomic(path) as temporary:
            temporary.write_bytes(deep.png_of(samples, about.getvalue()))
        return
    with atomic(path) as temporary, temporary.open("w+b") as file:
        try:
            image.save(file, form, **OPTIONS.get(form, {}), **info)
        except (KeyError, OSError) as error:
            if "cannot write mode" not in str(error):
                raise
            raise ImageError(f"{form} does not hold PIL mode {image.mode!r}: use .png") from error


def carried_by(path: str | PathLike) -> tuple[str, ...]:
    """The kinds of parts (`imgredux.io.inventory`) that `write_image` writes into the format of a path's suffix."""
    return ("resolution", "color") if FORMATS.get(Path(path).suffix.lower()) == "BMP" else CARRIED


def metadata(image: Image.Image, form: str) -> dict[str, Any]:
    """What makes Pillow write the metadata in an image's `info`, as `imgredux.io.images` has them, into a format.

    PNG has texts of its own, and JPEG comments; elsewhere texts go into the XMP. TIFF has XMP among the tags of EXIF.
    """
    found: dict[str, Any] = {key: image.info[key] for key in KEPT if image.info.get(key)}
    xmp, texts = image.info.get("xmp"), dict(image.info.get("texts") or {})
    if form == "PNG":
        return {**found, "pnginfo": _chunks(xmp, texts)} if xmp or texts else found
    if form == "JPEG":
        comment = texts.get("Comment", "").encode()
        if len(comment) <= MOST_IN_SEGMENT:
            texts.pop("Comment", None)
            found["comment"] = comment
    try:
        xmp = with_texts(xmp, texts)
    except ValueError as error:
        raise ImageError(f"the texts of the image cannot be kept in {form}: {error}") from error
    if xmp and form == "TIFF":
        tags = Image.Exif()
        tags.load(found.get("exif", b""))
        tags[_XMP_TAG] = xmp
        found["exif"] = tags
    elif xmp:
        found["xmp"] = xmp
    return found


def _chunks(xmp: bytes | None, texts: Mapping[str, str]) -> PngInfo:
    chunks = PngInfo()
    if xmp:
        chunks.add_itxt("XML:com.adobe.xmp", xmp.decode("utf-8", "replace"))
    for key, value in texts.items():
        chunks.add_text(key, value, zip=len(value) > LONG)
    return chunks
