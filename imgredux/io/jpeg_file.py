"""The JPEG file behind a PIL image, and what libjpeg makes of it beyond RGB. Imports no torch."""

import io
import struct
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

FORMATS = ("JPEG", "MPO")
_FILE = "imgredux_file"  # an attribute: what Pillow makes of the image does not have it
_DQT, _SOS = 0xDB, 0xDA


def with_file(image: Image.Image, data: bytes) -> Image.Image:
    """The image itself; of a JPEG, from here on with the file that it was decoded from."""
    if image.format in FORMATS:
        setattr(image, _FILE, data)
    return image


def file_of(image: Image.Image) -> bytes | None:
    """The JPEG file that a PIL image was opened from, None where it is not at hand: Pillow lets go of it on decoding.

    The image keeps it, so that a second call finds it too. Its pixels may have been changed since: compare them.
    """
    if image.format not in FORMATS or image.tell() != 0:
        return None
    held = getattr(image, _FILE, None) or _reread(image)
    if held:
        with_file(image, held)
    return held


def _reread(image: Image.Image) -> bytes | None:
    fp, name = getattr(image, "fp", None), getattr(image, "filename", None)
    if fp is None:
        try:
            return Path(name).read_bytes() if name else None
        except OSError:
            return None
    return all_of(fp)


def all_of(file: IO[bytes]) -> bytes:
    """The bytes of a file that Pillow is reading."""
    place = file.tell()
    file.seek(0)
    try:
        return file.read()
    finally:
        file.seek(place)


def decoded(file: bytes, mode: str) -> np.ndarray | None:
    """The planes `(C, H, W)` uint8 of a file as stored, in mode "L" (luma) or "YCbCr"; None where it has not these."""
    try:
        with Image.open(io.BytesIO(file), formats=["JPEG"]) as image:
            image.draft(mode, image.size)
            if image.mode != mode:
                return None
            array = np.array(image)
    except (OSError, SyntaxError, ValueError, struct.error):
        return None
    return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))


def with_half_steps(file: bytes) -> bytes | None:
    """The JPEG with every step of its tables halved, rounded up, and those of means 0; None where it is not sound."""
    data, at = bytearray(file), 2
    try:
        while data[at + 1] != _SOS:
            (size,) = struct.unpack_from(">H", data, at + 2)
            if data[at] != 0xFF or size < 2:
                return None
            if data[at + 1] == _DQT:
                _halve_tables(data, at + 4, at + 2 + size)
            at += 2 + size
    except (struct.error, IndexError):
        return None
    return bytes(data)


def _halve_tables(data: bytearray, at: int, end: int) -> None:
    while at < end:
        kind = ">64H" if data[at] >> 4 else ">64B"
        _, *steps = struct.unpack_from(kind, data, at + 1)
        struct.pack_into(kind, data, at + 1, 0, *((step + 1) // 2 for step in steps))
        at += 1 + struct.calcsize(kind)
