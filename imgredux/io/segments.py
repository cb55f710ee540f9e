"""The segments of a JPEG file. Imports neither torch nor Pillow."""

import struct
from collections.abc import Iterable, Iterator

from imgredux.io.parts import MARK, Contents

XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_PICTURE = {*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD} - {0xC8}
# How a segment begins, its marker, what it is called, what it is.
_KNOWN = (
    (0xE0, b"JFIF\0", "JFIF", "resolution"),
    (0xE0, b"JFXX\0", "JFIF thumbnail", "preview"),
    (0xE2, b"ICC_PROFILE\0", "ICC profile", "icc"),
    (0xE2, b"MPF\0", "MPF: several pictures in one file", "second picture"),
    (0xE2, b"urn:iso:std:iso:ts:21496:-1\0", "ISO 21496-1 gain map", "gain map"),
    (0xED, b"Photoshop 3.0\0", "IPTC and Photoshop data", "iptc"),
    (0xEE, b"Adobe", "Adobe", "picture"),
    (0xE1, EXTENSION, "extended XMP", "xmp extension"),
)
_COMMENT = 0xFE


def walk(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and content of each segment of the first picture; last, marker 0 with what stands behind its end.

    Raises ValueError where the file breaks off.
    """
    at = 2
    while True:
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if data[at : at + 1] != b"\xff" or at + 2 > len(data):
            raise ValueError(f"no marker at byte {at}")
        marker = data[at + 1]
        at += 2
        if marker == 0xD9:
            yield 0, data[at:]
            return
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:
            continue
        (size,) = struct.unpack(">H", data[at : at + 2].ljust(2, b"\0"))
        if size < 2 or at + size > len(data):
            raise ValueError(f"a segment at byte {at} runs past the end")
        end = _after_scan(data, at + size) if marker == 0xDA else at + size
        yield marker, data[at + 2 : end]
        at = end


def _after_scan(data: bytes, at: int) -> int:
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            raise ValueError("the picture has no end")
        if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 2


def read(data: bytes, into: Contents) -> None:
    """Every segment of a file."""
    for marker, content in walk(data):
        if marker == 0:
            into.add_rest(content)
        elif marker in _PICTURE:
            into.add("picture", len(content), "picture")
            if marker in {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC} and len(content) > 5:
                into.depth = content[0]
                into.space = "CMYK" if content[5] == 4 else into.space
        elif marker == _COMMENT:
            if not into.note(content):  # Pillow reads the last comment alone
                again = any(part.name == "comment" for part in into.parts)
                into.add("another comment" if again else "comment", len(content), "unknown" if again else "text")
        else:
            _application(marker, content, into)


def _application(marker: int, content: bytes, into: Contents) -> None:
    if marker == 0xE1 and content.startswith(b"Exif\0\0") and not any(part.kind == "exif" for part in into.parts):
        into.add_exif("EXIF", content)
    elif marker == 0xE1 and content.startswith(XMP):
        into.add_xmp("XMP", content[len(XMP) :])
    elif marker == 0xEB and (b"c2pa" in content or b"jumb" in content):
        into.add("content credentials (C2PA)", len(content), "credentials")
    elif marker == 0xEC and content.startswith(b"Ducky") and _quality_alone(content):
        into.add("Ducky", len(content), "padding")
    else:
        for known, start, name, kind in _KNOWN:
            if marker == known and content.startswith(start):
                into.add(name, len(content), kind)
                return
        label = content[:12].split(b"\0")[0].decode("latin-1")
        shown = f" {label}" if label.isprintable() and label else ""
        into.add(
            f"APP{marker - 0xE0}{shown}" if 0xE0 <= marker <= 0xEF else f"marker {marker:02X}", len(content), "unknown"
        )


def _quality_alone(content: bytes) -> bool:
    """Whether Photoshop's segment for the web holds its quality and no words."""
    return content[5:9] == b"\0\1\0\4" and not content[13:].strip(b"\0")


def verbatim(data: bytes) -> list[tuple[int, bytes]]:
    """The segments that a new JPEG takes over as they are: IPTC, extended XMP."""
    found = []
    for marker, content in walk(data):
        if (marker == 0xED and content.startswith(b"Photoshop 3.0\0")) or (
            marker == 0xE1 and content.startswith(EXTENSION)
        ):
            found.append((marker, content))
    return found


def with_segments(data: bytes, added: Iterable[tuple[int, bytes]]) -> bytes:
    """A JPEG with segments added behind its own APP0 to APP2."""
    at = 2
    while data[at : at + 1] == b"\xff" and 0xE0 <= data[at + 1] <= 0xE2:
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    new = b"".join(b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body for marker, body in added)
    return data[:at] + new + data[at:]


def marked(data: bytes, text: str) -> bytes:
    """The JPEG with the mark of `optimize` in a comment."""
    return with_segments(data, [(_COMMENT, MARK + text.encode("ascii"))])
