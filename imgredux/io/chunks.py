"""The chunks of PNG and WebP files. Imports neither torch nor Pillow."""

import struct
import zlib
from collections.abc import Iterator

from imgredux.io.parts import MARK, Contents

_PNG = 8
_PNG_KINDS = {
    **dict.fromkeys((b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"fcTL", b"fdAT"), "picture"),
    # What is about the file and not about the picture.
    **dict.fromkeys((b"tIME", b"bKGD", b"hIST", b"sBIT", b"iDOT", b"sPLT", b"vpAg", b"orNT"), "padding"),
    **dict.fromkeys((b"gAMA", b"cHRM", b"sRGB", b"cICP"), "color"),
    b"iCCP": "icc",
    b"pHYs": "resolution",
    b"caBX": "credentials",
    b"mDCV": "light of an HDR display",
    b"mDCv": "light of an HDR display",
    b"cLLI": "light of an HDR display",
    b"cLLi": "light of an HDR display",
}
_TEXT_LIMIT = 2**20
_XMP_KEY = "XML:com.adobe.xmp"
_WEBP_KINDS = {
    **dict.fromkeys((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"), "picture"),
    b"ICCP": "icc",
}
_WEBP_MARK = b"IRDX"


def walk_png(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each chunk of a PNG; last, an empty kind with what stands behind its end.

    Raises ValueError where the file breaks off.
    """
    at = _PNG
    while True:
        if at + 12 > len(data):
            raise ValueError("it has no end")
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + size]
        if len(body) < size or at + 12 + size > len(data):
            raise ValueError(f"chunk {kind.decode('latin-1')} runs past the end")
        at += 12 + size
        yield kind, body
        if kind == b"IEND":
            yield b"", data[at:]
            return


def about_png(data: bytes) -> list[tuple[bytes, bytes]]:
    """The chunks of a PNG that are not its picture nor about how it is stored, as they are."""
    stored = ("picture", "padding")
    return [(kind, body) for kind, body in walk_png(data) if kind != b"acTL" and _PNG_KINDS.get(kind) not in stored]


def read_png(data: bytes, into: Contents) -> None:
    """Every chunk of a PNG."""
    for kind, body in walk_png(data):
        if kind:
            _png_chunk(kind, body, into)
        else:
            into.add_rest(body)


def _png_chunk(kind: bytes, body: bytes, into: Contents) -> None:
    name = kind.decode("latin-1")
    if kind == b"IHDR":
        into.depth = max(body[8], 8)
    elif kind == b"acTL":
        into.frames = max(struct.unpack_from(">I", body)[0], 1)
    elif kind == b"gAMA":
        into.colors["gamma"] = struct.unpack_from(">I", body)[0] / 100_000
    elif kind == b"cHRM":
        numbers = [n / 100_000 for n in struct.unpack_from(">8I", body)]
        into.colors["chromaticities"] = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    elif kind == b"sRGB":
        into.colors["srgb"] = True
    elif kind == b"cICP":
        into.colors["cicp"] = (body[0], body[1])
        into.transfer = {16: "PQ", 18: "HLG"}.get(body[1], "")
    elif kind == b"eXIf":
        into.add_exif("EXIF", body)
        return
    elif kind in (b"tEXt", b"zTXt", b"iTXt"):
        _png_text(kind, body, into)
        return
    into.add(f"chunk {name}", len(body), "picture" if kind == b"acTL" else _PNG_KINDS.get(kind, "unknown"))


def _png_text(kind: bytes, body: bytes, into: Contents) -> None:
    key, _, rest = body.partition(b"\0")
    keyword = key.decode("latin-1")
    if keyword == _XMP_KEY and kind == b"iTXt":
        packed, content = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
        into.add_xmp("XMP", zlib.decompressobj().decompress(content, _TEXT_LIMIT) if packed else content)
    elif keyword in ("Raw profile type exif", "Raw profile type APP1"):
        into.add("EXIF as text", len(body), "exif" if keyword.endswith("exif") else "unknown")
    elif keyword.startswith("Raw profile type"):
        into.add(keyword, len(body), "unknown")
    else:
        again = any(part.name == f"text {keyword}" for part in into.parts)  # Pillow reads the last of a keyword
        name = f"another text {keyword}" if again else f"text {keyword}"
        into.add(name, len(body), "unknown" if again else "text")


def read_webp(data: bytes, into: Contents) -> None:
    """Every chunk of a WebP."""
    (whole,) = struct.unpack_from("<I", data, 4)
    end = 8 + whole
    if end > len(data):
        raise ValueError("the file is shorter than it says")
    into.depth = 8
    at, frames = 12, 0
    while at + 8 <= end:
        kind, size = struct.unpack_from("<4sI", data, at)
        body = data[at + 8 : at + 8 + size]
        if at + 8 + size > end:
            raise ValueError(f"chunk {kind.decode('latin-1')} runs past the end")
        at += 8 + size + size % 2
        if kind == b"EXIF":
            into.add_exif("EXIF", body)
        elif kind == b"XMP ":
            into.add_xmp("XMP", body)
        elif kind != _WEBP_MARK or not into.note(body):
            frames += kind == b"ANMF"
            into.add(f"chunk {kind.decode('latin-1')}", size, _WEBP_KINDS.get(kind, "unknown"))
    into.frames = max(frames, 1)
    into.add_rest(data[end:])


def marked_webp(data: bytes, text: str, size: tuple[int, int], alpha: bool) -> bytes:
    """The WebP with the mark of `optimize` in a chunk of its own, which readers pass over.

    size, alpha: of the picture, for the header that more chunks need.
    """
    body = MARK + text.encode("ascii")
    chunks = data[12:]
    if chunks[:4] != b"VP8X":
        edges = b"".join((side - 1).to_bytes(3, "little") for side in size)
        chunks = b"VP8X" + struct.pack("<I", 10) + bytes([16 if alpha else 0, 0, 0, 0]) + edges + chunks
    chunks += _WEBP_MARK + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks
