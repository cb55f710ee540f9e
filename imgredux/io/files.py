"""Files that are either whole or not there, and images written without loss of what goes with them."""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from imgredux.errors import ImageError

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
    """Write an image atomically in the format of the path's suffix, with its EXIF, XMP, ICC profile and
    resolution.

    JPEG gets quality 95 and 4:4:4, WebP is lossless. Raises ImageError for a suffix or mode that does not do; OSError.
    """
    suffix = Path(path).suffix
    form = FORMATS.get(suffix.lower())
    if form is None:
        raise ImageError(f"an image is not written as {suffix or 'a file without suffix'}: use {', '.join(FORMATS)}")
    info = {key: image.info[key] for key in KEPT if image.info.get(key)}
    if image.info.get("xmp"):
        info |= _xmp(image.info["xmp"], form, info.get("exif", b""))
    with atomic(path) as temporary, temporary.open("w+b") as file:
        try:
            image.save(file, form, **OPTIONS.get(form, {}), **info)
        except (KeyError, OSError) as error:
            if "cannot write mode" not in str(error):
                raise
            raise ImageError(f"{form} does not hold PIL mode {image.mode!r}: use .png") from error


def _xmp(content: bytes, form: str, exif: bytes) -> dict[str, Any]:
    """What makes Pillow write XMP; TIFF has it among the tags of EXIF."""
    if form == "PNG":
        chunk = PngInfo()
        chunk.add_itxt("XML:com.adobe.xmp", content.decode("utf-8", "replace"))
        return {"pnginfo": chunk}
    if form == "TIFF":
        tags = Image.Exif()
        tags.load(exif)
        tags[_XMP_TAG] = content
        return {"exif": tags}
    return {"xmp": content}
