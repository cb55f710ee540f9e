"""What is in an image file beside its picture: markers, chunks, boxes, and bytes behind the end.

An allow list: what is not known here is named as such, and nothing that holds it is thrown away. Only headers are
looked at, no pixel is decoded, and nothing is raised: a file that breaks off is `broken`. Imports neither torch nor
Pillow. `docs/how-to/files.md` says what becomes of each part.
"""

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from imgredux.io import boxes, chunks, jxl, segments
from imgredux.io.parts import Contents, Part

__all__ = ["Inventory", "Part", "inventory"]

CARRIED = ("exif", "xmp", "icc", "text", "resolution", "color")  # into every format that `optimize` writes
IN_JPEG = ("iptc", "xmp extension")  # which JPEG alone can hold, as they are
HARMLESS = ("picture", "padding", "preview", "mark")
OPAQUE = ("TIFF", "GIF", "JPEG2000", "ICO", "HEIF")  # of Pillow's formats: what they hold beside a picture is not told


@dataclass
class Inventory(Contents):
    """What is in a file. form: "JPEG", "PNG", "WebP", "AVIF", "HEIF", "JPEG XL"; empty: a container not looked into."""

    form: str = ""

    def kinds(self) -> dict[str, list[Part]]:
        """The parts by kind."""
        found: dict[str, list[Part]] = {}
        for part in self.parts:
            found.setdefault(part.kind, []).append(part)
        return found

    @property
    def unknown(self) -> list[Part]:
        """Parts that a new file would not hold: those that are not known, and known ones that nothing carries."""
        held = {*CARRIED, *IN_JPEG, *HARMLESS}
        return [part for part in self.parts if part.kind not in held]

    def lost(self, carried: Iterable[str] = CARRIED) -> list[str]:
        """In words, what a new file does not hold that has the picture and parts of these kinds."""
        held = {*carried, *HARMLESS}
        words = [part.name for part in self.parts if part.kind not in held]
        if self.frames > 1:
            words.insert(0, f"{self.frames} frames")
        return list(dict.fromkeys(words))


def told_of(data: bytes, form: str, carried: Iterable[str] = CARRIED) -> str:
    """What to say of a file of which a new one is made that carries parts of these kinds; empty where nothing is lost.

    form: as Pillow calls the file's format.
    """
    found = inventory(data)
    if not found.form:
        return f"what else a {form} file holds is not looked into" if form in OPAQUE else ""
    lost = found.lost(carried)
    return f"the new file does not hold {', '.join(lost)}" if lost else ""


def inventory(data: bytes) -> Inventory:
    """What is in a file, given as its bytes."""
    found = Inventory()
    found.form, _, read = next((one for one in _READERS if one[1](data)), ("", None, None))
    if read is not None:
        try:
            read(data, found)
        except (IndexError, ValueError, KeyError, OverflowError, struct.error, zlib.error) as error:
            found.broken = found.broken or f"its structure breaks off: {error}"
    if found.form == "HEIF" and found.brands & {b"avif", b"avis"}:
        found.form = "AVIF"
    return found


_READERS = (
    ("JPEG", lambda data: data[:3] == b"\xff\xd8\xff", segments.read),
    ("PNG", lambda data: data[:8] == b"\x89PNG\r\n\x1a\n", chunks.read_png),
    ("WebP", lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP", chunks.read_webp),
    ("JPEG XL", lambda data: data[:2] == b"\xff\x0a" or data[:12] == b"\0\0\0\x0cJXL \r\n\x87\n", jxl.read_jxl),
    ("HEIF", lambda data: data[4:8] == b"ftyp" and boxes.is_heif(data), boxes.read_heif),
)
