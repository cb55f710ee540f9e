"""The same file in fewer bytes: nothing that it shows or holds is another, and that is proven before it is given.

- JPEG: the same coefficients with scans and Huffman codes that fit them (mozjpeg, by `mozjpeg-lossless-optimization`).
- PNG: the same pixels with filters, palette and deflate that fit them (oxipng, by `pyoxipng-ng`).
- JPEG to JPEG XL: the same coefficients, coded better; the JPEG comes back from it byte for byte (`pillow-jxl-plugin`).
"""

import importlib
import io
import os
import struct
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageSequence

from imgredux.errors import ImageError
from imgredux.io import chunks, decoding, deep, segments
from imgredux.io.inventory import Inventory, Part, inventory
from imgredux.io.opening import UNBOUNDED, no_limit_of_pillows, opened

_BOUND = ("second picture", "gain map", "credentials")  # say where something stands in the file, or what its bytes are
_BEHIND = "behind the end"
_LEVELS, _SMALL = (4, 2), 2**20  # of oxipng for images of so many pixels, and for larger ones: 4 takes 5 times as long
_ROWS = 512  # that are compared at once


def repacked(data: bytes) -> bytes | None:
    """A smaller file of the same format: the same picture, to the bit, and all other parts. None where there is none.

    data: a whole file, of any format. A file that breaks off has none, nor has one with parts that are bound to its
    bytes, as a gain map.
    """
    found = inventory(data)
    again = {"JPEG": _jpeg, "PNG": _png}.get(found.form)
    if again is None or found.broken or any(map(_is_bound, found.parts)):
        return None
    new = again(data, found)
    try:
        return new if new is not None and len(new) < len(data) and _same(data, new, found) else None
    except (OSError, SyntaxError, ValueError, ImageError):  # what Pillow raises for a damaged picture
        return None


def as_jxl(data: bytes) -> bytes | None:
    """A smaller JPEG XL from which the JPEG comes back byte for byte; None where there is none."""
    plugin = _module("pillow_jxl")
    if plugin is None or inventory(data).form != "JPEG":
        return None
    try:
        with opened(io.BytesIO(data), UNBOUNDED) as image:
            mode, (width, height) = image.mode, image.size
        encoder = plugin.Encoder(
            mode=mode,
            lossless=True,
            quality=100,
            decoding_speed=0,
            effort=7,
            use_container=True,
            use_original_profile=False,
            num_threads=1,
        )
        new = encoder(data, width, height, jpeg_encode=True)
        is_jpeg, _, back, *_ = plugin.Decoder(num_threads=1)(new)
    except (ImageError, RuntimeError, ValueError, OSError):  # a kind of JPEG that libjxl does not take
        return None
    return bytes(new) if is_jpeg and back == data and len(new) < len(data) else None


def _module(name: str) -> ModuleType | None:
    os.environ.setdefault("RAYON_NUM_THREADS", "1")  # of oxipng: who wants more cores has more processes
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _is_bound(part: Part) -> bool:
    return part.kind in _BOUND or (part.kind == "unknown" and part.name.endswith(_BEHIND))


def _jpeg(data: bytes, found: Inventory) -> bytes | None:
    mozjpeg = _module("mozjpeg_lossless_optimization")
    if mozjpeg is None:
        return None
    try:
        new = mozjpeg.optimize(data, copy=mozjpeg.COPY_MARKERS.NONE)
    except ValueError:  # what libjpeg does not take
        return None
    *own, (_, rest) = _about(data)
    head = b"".join(struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content for marker, content in own)
    at = 2
    while _is_about(new[at + 1]):
        at += 2 + int.from_bytes(new[at + 2 : at + 4])
    return new[:2] + head + new[at:] + rest


def _is_about(marker: int) -> bool:
    return marker == 0xFE or 0xE0 <= marker <= 0xEF


def _about(data: bytes) -> list[tuple[int, bytes]]:
    """The segments of a JPEG that are not its picture, as they are, and what stands behind its end."""
    return [(marker, content) for marker, content in segments.walk(data) if _is_about(marker) or marker == 0]


def _png(data: bytes, found: Inventory) -> bytes | None:
    oxipng = _module("oxipng")
    if oxipng is None or any(part.name.endswith(_BEHIND) for part in found.parts):
        return None
    reductions: dict[str, Any] = {} if found.depth == 8 else {"bit_depth_reduction": False}
    level = _LEVELS[int.from_bytes(data[16:20]) * int.from_bytes(data[20:24]) > _SMALL]
    try:
        return oxipng.optimize_from_memory(data, level=level, strip=oxipng.StripChunks.none(), **reductions)
    except oxipng.PngError:
        return None


def _same(old: bytes, new: bytes, found: Inventory) -> bool:
    """Whether two files of a format hold the same parts and show the same samples in every frame."""
    again, about = inventory(new), _about if found.form == "JPEG" else chunks.about_png
    if again.broken or again.frames != found.frames or sorted(about(old)) != sorted(about(new)):
        return False
    if (found.depth or 8) > 8:  # Pillow reads 8 of the 16 bits of color
        a, b = (decoding.open_bytes(one, max_pixels=UNBOUNDED) for one in (old, new))
        x, y = deep.samples_of(a), deep.samples_of(b)
        if x is not None or y is not None:
            return x is not None and y is not None and np.array_equal(x, y)
    with no_limit_of_pillows(), Image.open(io.BytesIO(old)) as a, Image.open(io.BytesIO(new)) as b:
        pairs = zip(ImageSequence.Iterator(a), ImageSequence.Iterator(b), strict=True)
        return all(_same_samples(x, y) for x, y in pairs)


def _same_samples(a: Image.Image, b: Image.Image) -> bool:
    if a.size != b.size:
        return False
    common = None if a.mode == b.mode and a.mode != "P" else "RGBA"
    for top in range(0, a.height, _ROWS):
        box = (0, top, a.width, min(top + _ROWS, a.height))
        x, y = a.crop(box), b.crop(box)
        x.info, y.info = a.info, b.info  # where the transparency of a palette is
        if common:
            x, y = x.convert(common), y.convert(common)
        if x.mode in ("I;16", "I;16B"):
            if x.tobytes() != y.tobytes():
                return False
        elif ImageChops.difference(x, y).getbbox(alpha_only=False):
            return False
    return True
