"""The container of coded images: what a decoder must know, the codec's bytes, the alpha plane and the metadata.

Torch-free. `docs/reference/stream.md` gives the byte layout. Nothing is trusted before its checksum and its limit are
checked.
"""

import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from imgredux.errors import StreamError
from imgredux.methods.spec import NAME

SIGNATURE = b"\x89IRX\r\n\x1a\n"
MAJOR, MINOR = 1, 1  # a stream without XMP is one of minor version 0
MAX_PIXELS = 2**28
MAX_METADATA = 2**24
MAX_PARTS = 2**16
MAX_PART = 2**31 - 1

_TEXT = re.compile(r"[!-~]{0,255}")
_FIXED = struct.Struct("<BBIIBBH")
_FRAME = 12
_NARROW = 32
_STRIP = 2**16


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One coded image and all that goes with it.

    method, tag, digest: who decodes it, and the 8 bytes that name the weights (zeros: a method without weights).
    width, height, channels, depth: of the image in pixels before padding, 1 or 3 planes, 8 or 16 bits a sample.
    payload: what the codec wrote, in its order; keys of 1 to 255 printable ASCII characters without spaces.
    alpha: `(height, width)` samples of `depth` bits, row by row, 16-bit ones little-endian; None: opaque.
    icc, exif, xmp: at most 16 MiB each; None: absent.

    Raises ValueError for a field that is not of this form.
    """

    method: str
    tag: str
    digest: bytes
    width: int
    height: int
    channels: int
    depth: int
    payload: Mapping[str, bytes]
    alpha: bytes | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None

    def __post_init__(self) -> None:
        if not (NAME.fullmatch(self.method) and _TEXT.fullmatch(self.method)):
            raise ValueError(f"method {self.method!r}: use at most 255 of a-z, 0-9, '-', '_', a letter first")
        if not _TEXT.fullmatch(self.tag):
            raise ValueError(f"tag {self.tag!r}: use at most 255 printable ASCII characters without spaces")
        if len(self.digest) != 8:
            raise ValueError(f"the digest of the weights has 8 bytes, not {len(self.digest)}: zeros without weights")
        if not (0 < self.width < 2**32 and 0 < self.height < 2**32):
            raise ValueError(f"{self.width} x {self.height} pixels cannot be stored: use 1 to 2**32 - 1 a side")
        if self.channels not in (1, 3) or self.depth not in (8, 16):
            raise ValueError(f"{self.channels} channels of {self.depth} bits: use 1 or 3 of 8 or 16")
        if len(self.payload) > MAX_PARTS:
            raise ValueError(f"a payload of {len(self.payload)} parts: join them into at most {MAX_PARTS}")
        for key, part in self.payload.items():
            if not key or not _TEXT.fullmatch(key):
                raise ValueError(f"payload key {key!r}: use 1 to 255 printable ASCII characters without spaces")
            if not isinstance(part, bytes):
                raise ValueError(f"payload[{key!r}] is {type(part).__name__}: give bytes")
            if len(part) > MAX_PART:
                raise ValueError(f"payload[{key!r}] has {len(part)} bytes: split it into parts under 2 GiB")
        if self.alpha is not None and len(self.alpha) != _alpha_size(self):
            raise ValueError(f"an alpha plane of {len(self.alpha)} bytes: this size and depth need {_alpha_size(self)}")
        for name, plain in (("icc", self.icc), ("exif", self.exif), ("xmp", self.xmp)):
            if plain is not None and len(plain) > MAX_METADATA:
                raise ValueError(f"{name} has {len(plain)} bytes, a stream keeps up to {MAX_METADATA}: leave it out")


def is_stream(data: bytes | bytearray | memoryview) -> bool:
    """Whether the data start as a stream does; says nothing about the rest."""
    return bytes(data[: len(SIGNATURE)]) == SIGNATURE


def pack(stream: Stream) -> bytes:
    """The bytes of a stream; the same stream gives the same bytes wherever zlib is the same."""
    minor = 0 if stream.xmp is None else MINOR
    fixed = (MAJOR, minor, stream.width, stream.height, stream.channels, stream.depth, 0)
    head = _FIXED.pack(*fixed) + _prefixed(stream.method) + _prefixed(stream.tag) + stream.digest
    bodies = [(b"HEAD", head)]
    bodies += [(b"DATA", _prefixed(key) + part) for key, part in stream.payload.items()]
    if stream.alpha is not None:
        bodies.append((b"ALPH", zlib.compress(_up(stream.alpha, stream.width, stream.depth), 9)))
    for tag, plain in ((b"iccp", stream.icc), (b"exif", stream.exif), (b"xmpp", stream.xmp)):
        if plain is not None:
            bodies.append((tag, zlib.compress(plain, 9)))
    pieces, content = [SIGNATURE], zlib.crc32(SIGNATURE)
    for tag, body in bodies:
        start = _start(tag, body)
        pieces += (start, body, _checksum(tag, body))
        content = zlib.crc32(body, zlib.crc32(start, content))
    end = struct.pack("<I", content)
    return b"".join((*pieces, _start(b"IEND", end), end, _checksum(b"IEND", end)))


def unpack(data: bytes | bytearray | memoryview, *, max_pixels: int = MAX_PIXELS) -> Stream:
    """Read a stream back, checked to the last byte.

    max_pixels: an image of more is refused. Memory stays within the data plus four alpha planes of `max_pixels` plus
    the limits above. Raises StreamError and nothing else, whatever the bytes; its `reason` is one of `bad-signature`,
    `unsupported-version`, `truncated`, `checksum`, `corrupt`, `limit`.
    """
    try:
        return _read(memoryview(data).cast("B"), max_pixels)
    except StreamError:
        raise
    except (ValueError, struct.error, zlib.error) as error:
        raise StreamError(f"the stream was not written by the rules of its format: {error}", "corrupt") from error


def _read(data: memoryview, max_pixels: int) -> Stream:
    if not is_stream(data):
        raise StreamError("not a stream of imgredux: the first 8 bytes are not its signature", "bad-signature")
    head: Stream | None = None
    payload: dict[str, bytes] = {}
    single: dict[bytes, memoryview | None] = dict.fromkeys((b"HEAD", b"ALPH", b"iccp", b"exif", b"xmpp"))
    for tag, body in _chunks(data):
        if head is None and tag != b"HEAD":
            raise StreamError(f"the stream starts with {tag!r}, not with its header", "corrupt")
        if tag in single:
            if single[tag] is not None:
                raise StreamError(f"the stream has two {tag.decode()} chunks", "corrupt")
            single[tag] = body
            head = head or _head(body, max_pixels)
        elif tag == b"DATA":
            key, part = _split(body)
            if key in payload:
                raise StreamError(f"the stream has two parts named {key!r}", "corrupt")
            if len(payload) == MAX_PARTS:
                raise StreamError(f"the stream has more than {MAX_PARTS} parts", "limit")
            payload[key] = bytes(part)
        elif tag[:1].isupper():
            raise StreamError(f"the stream needs {tag!r}, unknown here: update imgredux", "unsupported-version")
    if head is None:
        raise StreamError("the stream has no header", "corrupt")
    alpha = _inflate("ALPH", single[b"ALPH"], _alpha_size(head))
    if alpha is not None and len(alpha) == _alpha_size(head):
        alpha = _up(alpha, head.width, head.depth, undo=True)
    icc, exif, xmp = (_inflate(tag.decode(), single[tag], MAX_METADATA) for tag in (b"iccp", b"exif", b"xmpp"))
    return replace(head, payload=payload, alpha=alpha, icc=icc, exif=exif, xmp=xmp)


def _chunks(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Tag and body of every chunk before IEND, each after its checksum; at the end the checksum of the content."""
    at, content = len(SIGNATURE), zlib.crc32(SIGNATURE)
    while True:
        left = len(data) - at - _FRAME
        length, tag = struct.unpack_from("<I4s", data, at) if left >= 0 else (0, b"IEND")
        if length > left:
            raise StreamError(f"the stream is cut short: {length - left} bytes or more are missing", "truncated")
        body = data[at + 8 : at + 8 + length]
        if data[at + 8 + length : at + length + _FRAME] != _checksum(tag, body):
            raise StreamError(f"chunk {tag!r} at byte {at} is damaged: its checksum differs", "checksum")
        if not tag.isalpha():
            raise StreamError(f"the tag {tag!r} at byte {at} is not four letters", "corrupt")
        if tag == b"IEND":
            break
        yield tag, body
        content = zlib.crc32(data[at : at + 8 + length], content)
        at += length + _FRAME
    if body != struct.pack("<I", content):
        raise StreamError("chunks of the stream were changed, moved or lost: the last checksum differs", "checksum")
    if length != left:
        raise StreamError(f"{left - length} bytes follow the end of the stream", "corrupt")


def _head(body: memoryview, max_pixels: int) -> Stream:
    if body[:1] != bytes([MAJOR]):
        raise StreamError(f"version {bytes(body[:1]).hex()} of the format is unknown here", "unsupported-version")
    _, _, width, height, channels, depth, flags = _FIXED.unpack_from(body)
    if flags:
        raise StreamError(f"flags {flags:#06x} of the header are unknown here: update imgredux", "unsupported-version")
    if width * height > max_pixels:
        raise StreamError(f"{width} x {height} is more than the {max_pixels} pixels allowed: raise max_pixels", "limit")
    method, rest = _split(body[_FIXED.size :])
    tag, digest = _split(rest)
    sizes = {"width": width, "height": height, "channels": channels, "depth": depth}
    return Stream(method=method, tag=tag, digest=bytes(digest), **sizes, payload={})


def _start(tag: bytes, body: bytes) -> bytes:
    return struct.pack("<I4s", len(body), tag)


def _checksum(tag: bytes, body: bytes | memoryview) -> bytes:
    return struct.pack("<I", zlib.crc32(body, zlib.crc32(tag)))


def _prefixed(text: str) -> bytes:
    return bytes([len(text)]) + text.encode("ascii")


def _split(body: memoryview) -> tuple[str, memoryview]:
    """A text with its length before it, and what follows."""
    (length,) = struct.unpack_from("B", body)
    if length >= len(body):
        raise ValueError(f"a name of {length} characters runs past the end of its chunk")
    return str(body[1 : length + 1], "ascii"), body[length + 1 :]


def _alpha_size(stream: Stream) -> int:
    return stream.width * stream.height * stream.depth // 8


def _inflate(tag: str, packed: memoryview | None, limit: int) -> bytes | None:
    if packed is None:
        return None
    inflater = zlib.decompressobj()
    plain = inflater.decompress(packed, limit + 1)
    if len(plain) > limit:
        raise StreamError(f"chunk {tag} inflates to more than {limit} bytes", "limit")
    if not inflater.eof or inflater.unused_data:
        raise StreamError(f"chunk {tag} is not one whole zlib stream", "corrupt")
    return plain


def _up(plane: bytes, width: int, depth: int, *, undo: bool = False) -> bytes:
    """Each sample minus the one above it, modulo 2**depth, or the sums that undo it; narrow planes stay as they are.

    A strip of a row is one integer, its lanes the samples: `high`, their top bits, keeps carries from crossing.
    """
    if width < _NARROW:
        return plane
    row, result = width * depth // 8, bytearray(plane)
    for left in range(0, row, _STRIP):
        size, above = min(_STRIP, row - left), 0
        low = int.from_bytes((b"\x7f" if depth == 8 else b"\xff\x7f") * (size * 8 // depth), "little")
        high = low ^ ((1 << 8 * size) - 1)
        for at in range(left, len(plane), row):
            line = int.from_bytes(plane[at : at + size], "little")
            if undo:
                above = filtered = ((line & low) + (above & low)) ^ ((line ^ above) & high)
            else:
                above, filtered = line, ((line | high) - (above & low)) ^ ((line ^ ~above) & high)
            result[at : at + size] = filtered.to_bytes(size, "little")
    return bytes(result)
