"""A part of a file, and what readers of containers write down. Imports neither torch nor Pillow."""

from dataclasses import dataclass, field
from typing import Any

MARK = b"imgredux:"  # with it begins what `optimize` writes into its own files
_PADDING = b"\0\xff\r\n \t"
_VIDEO = (b"ftyp", b"moov", b"mdat")


@dataclass(frozen=True)
class Part:
    """name: as people call it. size: bytes. kind: one word, on which its fate depends (`docs/how-to/files.md`)."""

    name: str
    size: int
    kind: str


@dataclass
class Contents:
    """What a reader has found so far.

    depth: bits a channel, None where the header does not say. frames: pictures that follow in time. transfer: "PQ" or
    "HLG", else empty. colors: what is said of them without a profile, as `profiles.stated` takes it. space: of the
    stored samples, where it is none of grey, RGB and YCbCr. turned: what states an orientation, and which. parts:
    everything, in the order of the file. mark: what `optimize` wrote into its own file. broken: where it breaks off.
    brands: of a HEIF file.
    """

    depth: int | None = None
    frames: int = 1
    transfer: str = ""
    colors: dict[str, Any] = field(default_factory=dict)
    space: str = ""
    turned: dict[str, int] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    mark: str = ""
    broken: str = ""
    brands: frozenset[bytes] = frozenset()

    def add(self, name: str, size: int, kind: str) -> None:
        self.parts.append(Part(name, size, kind))

    def add_xmp(self, name: str, content: bytes) -> None:
        """XMP, which may state an orientation, and speak of parts that are elsewhere."""
        from imgredux.io import xmp

        self.add(name, len(content), "xmp")
        turned = xmp.orientation(content)
        if turned is not None:
            self.turned["XMP"] = turned
        if b"hdrgm:" in content or b"GainMap" in content:
            self.add("XMP that speaks of a gain map", 0, "gain map")
        if b"MotionPhoto" in content or b"MicroVideo" in content:
            self.add("XMP that speaks of a video", 0, "video")

    def add_exif(self, name: str, content: bytes) -> None:
        """EXIF, which may state an orientation."""
        self.add(name, len(content), "exif")
        turned = exif_orientation(content)
        if turned is not None:
            self.turned["EXIF"] = turned

    def add_rest(self, rest: bytes) -> None:
        """What stands behind the end of the picture."""
        if not rest.strip(_PADDING):
            if rest:
                self.add("padding behind the end", len(rest), "padding")
            return
        head = rest[:4096]
        kind, what = "unknown", "data"
        if head[4:8] in _VIDEO or b"MotionPhoto_Data" in head or b"ftypmp4" in head or b"ftypisom" in head:
            kind, what = "video", "a video"
        elif head[:3] == b"\xff\xd8\xff":
            kind, what = "second picture", "another picture"
        self.add(f"{what} behind the end", len(rest), kind)

    def note(self, text: bytes) -> bool:
        """Whether a text is the mark of `optimize`, which is taken down."""
        if not text.startswith(MARK):
            return False
        self.mark = text[len(MARK) :].decode("ascii", "replace").strip("\0 ")
        self.add("the mark of imgredux", len(text), "mark")
        return True


def exif_orientation(exif: bytes) -> int | None:
    """The orientation that EXIF states, where it can be read."""
    data = exif.removeprefix(b"Exif\0\0")
    if data[:2] not in (b"II", b"MM"):
        return None

    def number(at: int, size: int) -> int:
        return int.from_bytes(data[at : at + size], "little" if data[:2] == b"II" else "big")

    start = number(4, 4)
    for place in range(start + 2, min(start + 2 + 12 * number(start, 2), len(data) - 11), 12):
        if number(place, 2) == 0x0112:
            value = number(place + 8, 4 if number(place + 2, 2) == 4 else 2)
            return value if 1 <= value <= 8 else None
    return None
