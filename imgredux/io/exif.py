"""EXIF that is sound enough to be kept, byte for byte but for the orientation; what is damaged costs no image.

Only what a statement of the orientation takes is changed. Everything else stays where it is, because a maker's note
holds offsets into the whole.
"""

import struct
import warnings
from typing import Any

from PIL import Image

from imgredux.io import deep

ORIENTATION = 0x0112  # tag
UPRIGHT = 1
PREFIX = b"Exif\0\0"
RAW = "Raw profile type exif"  # where old PNG files keep it


def with_sound_exif(image: Image.Image, label: str = "the image") -> Image.Image:
    """The image itself where its EXIF can be read and written again; else a copy without it, and a warning.

    The copy keeps the orientation, as far as that can be read. label: how the warning calls the image.
    """
    if "exif" not in image.info and RAW not in image.info:
        return image
    try:
        image.getexif()
        if "exif" in image.info:
            parsed = Image.Exif()
            parsed.load(image.info["exif"])
            parsed.tobytes()
            without_orientation(image.info["exif"])
    except Exception as error:  # Pillow's parser raises SyntaxError, struct.error, TypeError and more
        turned = _orientation(image)
        image = deep.with_samples(image.copy(), deep.samples_of(image))
        image.info = {key: value for key, value in image.info.items() if key not in ("exif", RAW)}
        if turned != UPRIGHT:
            mended = Image.Exif()
            mended[ORIENTATION] = turned
            image.info["exif"] = mended.tobytes()
        warnings.warn(f"{label}: its EXIF data are damaged ({type(error).__name__}: {error}): left out", stacklevel=3)
    return image


def without_orientation(exif: bytes) -> bytes:
    """The same EXIF data for pixels that are upright, with the prefix `Exif`.

    The tag is gone, and where it said something, so is the thumbnail, which lies as the pixels lay. All else has its
    place. Raises struct.error for what is no EXIF.
    """
    data = bytearray(exif.removeprefix(PREFIX).removeprefix(PREFIX))  # some programs write it twice
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None:
        raise struct.error("neither II nor MM")
    magic, at = struct.unpack_from(f"{order}HI", data, 2)
    if magic != 42:
        raise struct.error(f"{magic} in place of 42")
    (count,) = struct.unpack_from(f"{order}H", data, at)
    first, end = at + 2, at + 2 + 12 * count
    entries = [bytes(data[place : place + 12]) for place in range(first, end, 12)]
    if entries and len(entries[-1]) < 12:
        raise struct.error("the first directory is cut short")
    kept = [entry for entry in entries if struct.unpack_from(f"{order}H", entry) != (ORIENTATION,)]
    if len(kept) == len(entries):
        return PREFIX + bytes(data)
    turned = any(_value(entry, order) != UPRIGHT for entry in entries if entry not in kept)
    following = bytes(4) if turned else bytes(data[end : end + 4]).ljust(4, b"\0")
    struct.pack_into(f"{order}H", data, at, len(kept))
    new = b"".join(kept) + following
    data[first : first + len(new)] = new
    gap = first + len(new)
    data[gap : end + 4] = bytes(max(end + 4 - gap, 0))[: max(len(data) - gap, 0)]
    return PREFIX + bytes(data)


def _value(entry: bytes, order: str) -> int:
    kind = struct.unpack_from(f"{order}H", entry, 2)[0]
    return struct.unpack_from(order + {1: "B", 4: "I"}.get(kind, "H"), entry, 8)[0]


def stated(image: Image.Image) -> Any:
    """The orientation that EXIF states, or XMP where EXIF says nothing, as Pillow reads it; None where it cannot."""
    try:
        return image.getexif().get(ORIENTATION)
    except Exception:  # as above
        return None


def _orientation(image: Image.Image) -> int:
    parsed = Image.Exif()
    try:
        parsed.load(image.info.get("exif", b""))
        found = parsed.get(ORIENTATION)
    except Exception:  # as above
        return UPRIGHT
    return found if isinstance(found, int) and 1 <= found <= 8 else UPRIGHT
