"""Sixteen bits a channel in color, which a PIL image cannot hold: its samples go along with it as an array.

Pillow unpacks such samples into bytes, the high ones. A second pass unpacks the low ones. Imports no torch.
"""

import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageFile

_SAMPLES = "imgredux_samples"  # an attribute: what Pillow makes of the image does not have it
_GRAY_ALPHA = "LA;16B"
# How Pillow unpacks the high bytes of a file, and how the low ones. N is the machine's own order, after libtiff.
_LOW = {
    **{f"{mode};16B": f"{mode};16L" for mode in ("RGB", "RGBA", "RGBX")},
    **{f"{mode};16L": f"{mode};16B" for mode in ("RGB", "RGBA", "RGBX")},
    _GRAY_ALPHA: "RGBA",  # four bytes a pixel: high and low of grey, high and low of alpha
}
_NATIVE = "L" if struct.pack("=H", 1)[0] else "B"
_PNG = b"\x89PNG\r\n\x1a\n"
_COLOR_TYPES = {2: 4, 3: 2, 4: 6}  # of a PNG, by channels


def samples_of(image: Image.Image) -> np.ndarray | None:
    """The samples `(H, W, 2, 3 or 4)` uint16 of an image that has more of them than Pillow shows; else None."""
    return getattr(image, _SAMPLES, None)


def with_samples(image: Image.Image, samples: np.ndarray | None) -> Image.Image:
    """The image itself, from here on with these samples."""
    if samples is not None:
        setattr(image, _SAMPLES, samples)
    return image


def as_image(samples: np.ndarray, info: Mapping[str, Any] | None = None) -> Image.Image:
    """A PIL image of `(H, W, 2, 3 or 4)` uint16 that shows their high bytes. info: its metadata."""
    image = Image.fromarray(np.ascontiguousarray(samples >> 8).astype(np.uint8))
    image.info.update(info or {})
    return with_samples(image, samples)


def is_deep(image: Image.Image) -> bool:
    """Whether a PIL image that was opened, and not loaded yet, is of a form that `read_low` reads."""
    tiles = getattr(image, "tile", ())
    return image.format in ("PNG", "TIFF") and bool(tiles) and all(_low_of(_raw(tile)) for tile in tiles)


def read_low(again: Image.Image, high: Image.Image) -> np.ndarray:
    """The samples of a file, `(H, W, C)` uint16.

    again: the file as it was opened, `is_deep` and not loaded. high: the same, loaded. Raises what Pillow raises.
    """
    assert isinstance(again, ImageFile.ImageFile)  # it has tiles
    low_of = {_raw(tile): _low_of(_raw(tile)) for tile in again.tile}
    again.tile = [tile._replace(args=_with_raw(tile.args, low_of[_raw(tile)] or "")) for tile in again.tile]
    if low_of.keys() == {_GRAY_ALPHA}:
        again.load()
        octets = np.asarray(again).astype(np.uint16)
        return octets[..., ::2] << 8 | octets[..., 1::2]
    key = again.info.get("transparency")
    again.load()
    samples = np.asarray(high).astype(np.uint16) << 8 | np.asarray(again)
    if isinstance(key, tuple) and samples.shape[2] == 3:  # one color of a PNG is transparent
        clear = (samples == np.array(key, np.uint16)).all(-1, keepdims=True)
        samples = np.concatenate([samples, np.where(clear, 0, 65535).astype(np.uint16)], -1)
    return samples


def turned(samples: np.ndarray, orientation: int) -> np.ndarray:
    """The samples upright, of an image that EXIF says lies so: 1 to 8."""
    if orientation >= 5:
        samples = samples.transpose(1, 0, 2)
    rows, columns = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return samples[:: -1 if rows else 1, :: -1 if columns else 1]


def png_of(samples: np.ndarray, chunks: bytes) -> bytes:
    """A PNG file of `(H, W, 2, 3 or 4)` uint16.

    chunks: a PNG of any picture, whose chunks about it, as its profile and texts, the new one has too.
    """
    height, width, channels = samples.shape
    rows = samples.astype(">u2").reshape(height, -1).view(np.uint8)
    filtered = np.empty((height, rows.shape[1] + 1), np.uint8)
    filtered[:, 0], filtered[0, 1:] = 2, rows[0]  # each row minus the one above
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    head = struct.pack(">IIBBBBB", width, height, 16, _COLOR_TYPES[channels], 0, 0, 0)
    pieces, at = [_PNG, _chunk(b"IHDR", head)], len(_PNG)
    while at < len(chunks):
        (size, kind), end = struct.unpack_from(">I4s", chunks, at), at
        at += 12 + size
        if kind == b"IDAT" and filtered is not None:
            pieces.append(_chunk(b"IDAT", zlib.compress(filtered.tobytes(), 1)))
            filtered = None
        elif kind not in (b"IHDR", b"IDAT"):
            pieces.append(chunks[end:at])
    return b"".join(pieces)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _raw(tile: Any) -> str:
    args = tile.args
    return str(args[0] if isinstance(args, tuple) and args else args)


def _with_raw(args: Any, raw: str) -> Any:
    return (raw, *args[1:]) if isinstance(args, tuple) else raw


def _low_of(raw: str) -> str | None:
    return _LOW.get(raw.replace(";16N", f";16{_NATIVE}"))
