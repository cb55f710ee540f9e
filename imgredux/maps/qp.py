"""JND maps for encoders: an offset of the quantization parameter for each block, from -n to n, whose mean is 0.

A step of six in QP doubles the quantizer, so a block that may hide twice as much is given six more. Where the encoder
spends the same in total, the visible blocks are coded finer and the others coarser.
"""

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from imgredux.errors import ImageError

DOUBLING = 6.0  # QP that double the quantizer, in H.264, HEVC and VVC
LARGEST = 51.0  # QP of 8 bits: what ffmpeg's offsets of -1 to 1 are shares of
LEAST = 0.25  # grey levels: a threshold below it counts as this
CODECS = ("x264", "x265", "kvazaar")


def qp_offsets(jnd: np.ndarray, block: int = 16, strength: float = 0.35, most: int = 6) -> np.ndarray:
    """Offsets int8 `(rows, columns)` of blocks of `block` pixels, the last ones cut off by the image.

    jnd: a map in grey levels, `(H, W)` or `(H, W, C)`, as estimators give it for 8 bits. strength: 1 follows the
    thresholds as they are, 0 gives no offsets; the default is between what did best for x265 and for x264 on training
    images, by SSIMULACRA 2. most: the largest offset. A block counts by the geometric mean of its thresholds. Raises
    ImageError for other shapes, and for values that are negative or not finite; ValueError for the other arguments.
    """
    if block < 1 or most < 0 or not 0 <= strength < math.inf:
        raise ValueError(f"block={block}, strength={strength}, most={most}: at least 1, 0 and 0")
    if jnd.ndim not in (2, 3) or 0 in jnd.shape:
        raise ImageError(f"a map of shape {jnd.shape}: give (H, W) or (H, W, C)")
    if not (np.isfinite(jnd).all() and (jnd >= 0).all()):
        raise ImageError("the map has values that are negative or not finite")
    plane = jnd.astype(np.float64) if jnd.ndim == 2 else np.sqrt((jnd.astype(np.float64) ** 2).mean(-1))
    logs = np.log2(np.maximum(plane, LEAST))
    rows, columns = (np.arange(0, side, block) for side in logs.shape)
    totals = np.add.reduceat(np.add.reduceat(logs, rows, 0), columns, 1)
    counts = np.outer(*(np.diff([*starts, side]) for starts, side in zip((rows, columns), logs.shape, strict=True)))
    offsets = DOUBLING * strength * (totals / counts - logs.mean())
    return np.clip(np.round(offsets), -most, most).astype(np.int8)


def roi_text(offsets: np.ndarray, block: int, size: tuple[int, int], codec: str) -> str:
    """What an encoder reads: for "x264" and "x265" a filter script of ffmpeg, for "kvazaar" its ROI file.

    offsets: from `qp_offsets`, of blocks of `block` pixels; size: width and height of the image. Raises ValueError for
    another codec.

        ffmpeg -i photo.png -/filter:v roi.txt -c:v libx265 -x265-params aq-mode=1:aq-strength=0 out.mp4
        kvazaar -i photo.yuv --input-res 768x512 --roi roi.txt -o out.265
    """
    if codec not in CODECS:
        raise ValueError(f"codec is {codec!r}; choose {', '.join(CODECS)}")
    if codec == "kvazaar":
        rows = (" ".join(map(str, row)) for row in offsets.tolist())
        return "\n".join([f"{offsets.shape[1]} {offsets.shape[0]}", *rows]) + "\n"
    width, height = size
    regions = [
        f"addroi=x={left}:y={top}:w={right - left}:h={bottom - top}:qoffset={offset}/{LARGEST:g}"
        for left, top, right, bottom, offset in _rectangles(offsets, block, width, height)
    ]
    return ",\n".join(regions or ["null"]) + "\n"


def _rectangles(offsets: np.ndarray, block: int, width: int, height: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Rectangles of one offset, 0 left out: runs along rows, those of equal rows as one."""
    running: dict[tuple[int, int, int], int] = {}  # (first, last + 1, offset) to the row that it began in
    for row in range(len(offsets) + 1):
        here = set(_runs(offsets[row])) if row < len(offsets) else set()
        for key in [key for key in running if key not in here]:
            first, end, offset = key
            top = running.pop(key)
            yield first * block, top * block, min(end * block, width), min(row * block, height), offset
        for key in here - running.keys():
            running[key] = row


def _runs(row: np.ndarray) -> Iterator[tuple[int, int, int]]:
    edges = [0, *(np.flatnonzero(np.diff(row)) + 1).tolist(), len(row)]
    for first, end in pairwise(edges):
        if row[first]:
            yield first, end, int(row[first])
