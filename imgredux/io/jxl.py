"""JPEG XL files: their boxes, and what the codestream says of the image. Imports neither torch nor Pillow."""

import struct

from imgredux.io.boxes import walk
from imgredux.io.parts import MARK, Contents

_JXL_SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"
_JXL_TYPE = b"\0\0\0\x14ftypjxl \0\0\0\0jxl "
_JXL_MARK = b"irdx"


def read_jxl(data: bytes, into: Contents) -> None:
    """A JPEG XL stream, or every box around it."""
    if not data.startswith(_JXL_SIGNATURE):
        into.add("stream", len(data), "picture")
        _codestream(data, into)
        return
    seen = False
    for kind, start, end in walk(data):
        size, name = end - start, kind.decode("latin-1")
        if kind in (b"jxlc", b"jxlp"):
            stream = data[start + (4 if kind == b"jxlp" else 0) : start + 64]
            if not seen and stream[:2] == b"\xff\x0a":
                _codestream(stream, into)
            seen = True
            into.add(name, size, "picture")
        elif kind == b"Exif":
            into.add_exif("EXIF", data[start + 4 : end])
        elif kind == b"xml ":
            into.add_xmp("XMP", data[start:end])
        elif kind == b"jbrd":
            into.add("what makes the JPEG again that it was (jbrd)", size, "jpeg")
        elif kind == b"jhgm":
            into.add("gain map", size, "gain map")
        elif kind == b"jumb":
            into.add("content credentials (C2PA)", size, "credentials")
        elif kind in (b"JXL ", b"ftyp", b"jxll", b"jxli"):
            into.add(name, size, "picture")
        elif kind != _JXL_MARK or not into.note(data[start:end]):
            into.add(f"box {name}", size, "unknown")


def marked_jxl(data: bytes, text: str) -> bytes:
    """The JPEG XL with the mark of `optimize` in a box of its own, which readers pass over."""
    if not data.startswith(_JXL_SIGNATURE):
        stream = struct.pack(">I4s", len(data) + 8, b"jxlc") + data
        data = _JXL_SIGNATURE + _JXL_TYPE + stream
    body = MARK + text.encode("ascii")
    return data + struct.pack(">I4s", len(body) + 8, _JXL_MARK) + body


class _Bits:
    """Bits of a JPEG XL header, the lowest of each byte first."""

    def __init__(self, data: bytes) -> None:
        self.bits, self.at = int.from_bytes(data[:64], "little"), 0

    def take(self, count: int) -> int:
        value = self.bits >> self.at & ((1 << count) - 1)
        self.at += count
        return value

    def choice(self, *options: tuple[int, int]) -> int:
        """A number of one of four forms: an offset and a count of bits."""
        offset, count = options[self.take(2)]
        return offset + self.take(count)

    def size(self) -> None:
        def side(small: bool) -> None:
            if small:
                self.take(5)
            else:
                self.choice((1, 9), (1, 13), (1, 18), (1, 30))

        small = bool(self.take(1))
        side(small)
        if self.take(3) == 0:
            side(small)


def _codestream(data: bytes, into: Contents) -> None:
    """Depth, orientation and frames, from the head of a stream."""
    bits = _Bits(data[2:66])
    bits.size()
    into.depth = 8
    if bits.take(1):  # all is as usual
        return
    if bits.take(1):
        turned = 1 + bits.take(3)
        if turned != 1:
            into.turned["stream"] = turned
        if bits.take(1):
            bits.size()
        if bits.take(1):
            into.add("a preview in the stream", 0, "unknown")
            into.depth = None
            return
        if bits.take(1):
            into.frames = 2
            into.depth = None
            return
    if bits.take(1):
        into.depth = bits.choice((32, 0), (16, 0), (24, 0), (1, 6))
    else:
        into.depth = bits.choice((8, 0), (10, 0), (12, 0), (1, 6))
