"""Image files decoded: PIL images that say what Pillow leaves out, as texts, stated colors and all 16 bits."""

import io
import warnings
from collections.abc import Mapping, Set
from contextlib import nullcontext
from os import PathLike, fspath
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from imgredux.errors import ImageError
from imgredux.io import deep, profiles
from imgredux.io.exif import with_sound_exif
from imgredux.io.inventory import inventory
from imgredux.io.jpeg_file import all_of, with_file
from imgredux.io.opening import (
    FORMATS,
    GRAY_16,
    MAX_PIXELS,
    depth_of,
    frames_of,
    libtiff_heard,
    no_limit_of_pillows,
    opened,
)

_XMP = "XML:com.adobe.xmp"
_BELOW_CICP = ("icc_profile", "gamma", "chromaticity", "srgb")


def open_image(path: str | PathLike, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Open and decode an image file, first frame. Raises ImageError for whatever goes wrong, naming the file.

    max_pixels: an image of more is refused before a pixel is decoded. Its `info` says what Pillow does not: texts, and
    the profile of a file that states its colors in another way.
    """
    label = fspath(path)
    try:
        with Path(path).open("rb") as file:
            return _decode(file, label, max_pixels)
    except OSError as error:
        raise ImageError(f"{label}: cannot be read as an image: {error}", "corrupt") from error


def open_bytes(data: bytes, *, max_pixels: int = MAX_PIXELS, formats: Set[str] = FORMATS) -> Image.Image:
    """Open and decode an image file held in memory. Raises ImageError as `open_image`.

    formats: those that it may be of, as Pillow calls them.
    """
    return _decode(io.BytesIO(data), f"{len(data)} bytes", max_pixels, formats)


def _decode(file: BinaryIO, label: str, max_pixels: int, formats: Set[str] = FORMATS) -> Image.Image:
    try:
        image = opened(file, max_pixels, formats)
        data = all_of(file)
        found = inventory(data)
        depth, frames, is_deep = depth_of(image, data, found.depth), frames_of(image, data), deep.is_deep(image)
        hdr = found.transfer or profiles.hdr_of(image.info.get("icc_profile", b""))
        if hdr:
            raise ImageError(f"it is an HDR image ({hdr}), for which no method here has a meaning")
        with no_limit_of_pillows(), libtiff_heard(label) if image.format == "TIFF" else nullcontext():
            image.load()
            samples = _samples(image, data, max_pixels, formats) if is_deep else None
    except UnidentifiedImageError as error:
        raise ImageError(f"{label}: cannot be read as an image: no format that is read here", "corrupt") from error
    except ImageError as error:
        raise ImageError(f"{label}: {error}", error.reason) from error
    except Exception as error:  # Pillow's decoders raise SyntaxError, ValueError, RuntimeError besides OSError
        raise ImageError(f"{label}: cannot be read as an image: {error}", "corrupt") from error
    if depth > 8 and samples is None and image.mode not in (*GRAY_16, "I", "F"):
        warnings.warn(f"{label}: {depth} bits a channel read as 8; pass a uint16 array to keep them", stacklevel=4)
    if frames > 1:
        warnings.warn(f"{label}: holds {frames} frames, the first is read", stacklevel=4)
    texts, stated = texts_of(image), stated_profile(image, found.colors)
    image = deep.with_samples(with_sound_exif(image, label), samples)
    if "cicp" in found.colors and image.format == "PNG":  # what it says is above all of these
        image.info = {key: value for key, value in image.info.items() if key not in _BELOW_CICP}
    image.info |= {key: value for key, value in (("texts", texts), ("icc_profile", stated)) if value}
    return with_file(image, data)


def _samples(image: Image.Image, data: bytes, max_pixels: int, formats: Set[str]) -> np.ndarray | None:
    """All 16 bits of a file of color that was read as 8."""
    with opened(io.BytesIO(data), max_pixels, formats) as again:
        return deep.read_low(again, image)


def texts_of(image: Image.Image) -> dict[str, str]:
    """The words in a file by keyword: text chunks of PNG, comments of JPEG and GIF."""
    found = dict(image.info.get("texts") or {})
    for key, value in getattr(image, "text", {}).items():
        if key != _XMP and not key.startswith("Raw profile type"):
            found[key] = str(value)
    comment = image.info.get("comment")
    if comment and "Comment" not in found:
        found["Comment"] = comment.decode("utf-8", "replace") if isinstance(comment, bytes) else str(comment)
    return found


def stated_profile(image: Image.Image, colors: Mapping[str, Any]) -> bytes | None:
    """A profile that says what the file states without one; None where it has one, or states nothing else than sRGB.

    cICP of a PNG is above its profile, which is above its gAMA and cHRM (PNG, third edition); nclx is below a profile.
    """
    info = image.info
    if "cicp" in colors and (image.format == "PNG" or not info.get("icc_profile")):
        said = {"cicp": colors["cicp"]}
    elif info.get("icc_profile") or "srgb" in info:
        return None
    else:
        numbers = info.get("chromaticity") or ()
        pairs = tuple(zip(numbers[::2], numbers[1::2], strict=True))
        said = {"gamma": info.get("gamma"), "chromaticities": pairs or None}
    try:
        return profiles.stated(gray=image.mode in ("L", "LA", "1", *GRAY_16), **said)
    except (ValueError, TypeError, np.linalg.LinAlgError):
        return None
