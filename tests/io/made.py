"""Files with one part too many, made by hand."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

VIDEO = (
    struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"mp42", 0, b"mp42", b"isom")
    + bytes((0, 0, 3, 240))
    + b"mdat"
    + bytes(1000)
)
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def photograph(width: int = 64, height: int = 48, seed: int = 0) -> Image.Image:
    """Smooth colors and grain."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    base = np.stack([120 + 90 * np.sin(5 * x + 2 * y), 110 + 80 * np.cos(4 * y - x), 100 + 100 * x * y], -1)
    return Image.fromarray(np.clip(base + rng.normal(0, 8, base.shape), 0, 255).astype(np.uint8))


def saved(image: Image.Image | None = None, form: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    usual = {"quality": 97, "subsampling": 0} if form == "JPEG" else {}
    (image or photograph()).save(file, form, **{**usual, **options})
    return file.getvalue()


def segments(data: bytes, *parts: tuple[int, bytes]) -> bytes:
    """A JPEG with segments behind its start."""
    new = b"".join(b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body for marker, body in parts)
    return data[:2] + new + data[2:]


def chunks(data: bytes, *parts: tuple[bytes, bytes]) -> bytes:
    """A PNG with chunks behind its header."""
    return data[:33] + b"".join(chunk(*part) for part in parts) + data[33:]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def riff(data: bytes, kind: bytes, body: bytes) -> bytes:
    """A WebP with a chunk at its end."""
    data += kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


def xmp(attributes: str = "", spaces: str = "", inside: str = "") -> bytes:
    described = f'<rdf:Description rdf:about="" {spaces} {attributes}>{inside}</rdf:Description>'
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">{described}</rdf:RDF></x:xmpmeta>'.encode()


def xmp_segment(content: bytes) -> tuple[int, bytes]:
    return 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + content


def deep_png() -> bytes:
    """RGB of 16 bits a channel, which Pillow does not write."""
    rows = b"".join(b"\0" + bytes(6 * 8) for _ in range(8))
    head = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(kind, body) for kind, body in ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )
