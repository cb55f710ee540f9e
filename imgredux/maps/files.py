"""JND maps as files: 16-bit PNG with its scale written inside, float32 TIFF, or float32 npy. Imports no torch."""

import io
from os import PathLike
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageSequence
from PIL.PngImagePlugin import PngInfo

from imgredux._version import __version__
from imgredux.errors import ImageError
from imgredux.io.files import atomic

SCALE = 1 / 256  # grey levels per count of a PNG, where the map fits: exact to 1/512
COUNTS = 65535
DESCRIPTION, SOFTWARE = 270, 305  # TIFF tags


def write_map(path: str | PathLike, jnd: np.ndarray, *, method: str = "") -> None:
    """Write a map atomically in the format of the path's suffix: .png, .npy, .tif or .tiff.

    jnd: `(H, W)`, or `(H, W, C)` for .npy and .tiff, in grey levels of the image's container.
    .png: 16-bit grey, luma maps only, with the text entries `imgredux:scale` = grey levels per count (1/256 when the
    map fits, else its maximum / 65535), `imgredux:method` and `imgredux:version`. .npy: float32, as it is.
    .tiff: float32, one page for each channel, because Pillow has no float TIFF with several channels.

    Raises ImageError: another suffix, a per-channel map as PNG, a map that is negative or not finite; OSError.
    """
    suffix = Path(path).suffix
    if suffix.lower() not in WRITERS:
        raise ImageError(f"a map is not written as {suffix or 'a file without suffix'}: use {', '.join(WRITERS)}")
    array = np.ascontiguousarray(jnd, np.float32)
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise ImageError(f"a map of shape {array.shape}: give (H, W) or (H, W, C)")
    if not (array.min() >= 0 and np.isfinite(array.max())):
        raise ImageError(f"the map has values from {array.min():g} to {array.max():g}: thresholds are not negative")
    with atomic(path) as temporary, temporary.open("w+b") as file:
        WRITERS[suffix.lower()](file, array, method)


def _npy(file: IO[bytes], array: np.ndarray, method: str) -> None:
    np.save(file, array, allow_pickle=False)


def _png(file: IO[bytes], array: np.ndarray, method: str) -> None:
    if array.ndim == 3:
        raise ImageError(f"a map of {array.shape[2]} channels does not fit a PNG: use .npy or .tiff")
    peak = float(array.max())
    scale = SCALE if peak <= SCALE * COUNTS else peak / COUNTS
    text = PngInfo()
    text.add_text("imgredux:scale", repr(scale))
    text.add_text("imgredux:method", method)
    text.add_text("imgredux:version", __version__)
    counts = np.rint(array / scale).clip(0, COUNTS).astype(np.uint16)
    Image.fromarray(counts).save(file, "PNG", pnginfo=text, compress_level=1)


def _tiff(file: IO[bytes], array: np.ndarray, method: str) -> None:
    planes = [array] if array.ndim == 2 else np.moveaxis(array, 2, 0)
    pages = [Image.fromarray(np.ascontiguousarray(plane)) for plane in planes]
    tags = {DESCRIPTION: f"JND map, grey levels, {method}".rstrip(", "), SOFTWARE: f"imgredux {__version__}"}
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:], tiffinfo=tags)


WRITERS = {".png": _png, ".npy": _npy, ".tif": _tiff, ".tiff": _tiff}


def read_map(path: str | PathLike) -> np.ndarray:
    """The map in a file that `write_map` or `imgredux run` wrote: float32 `(H, W)` or `(H, W, C)`, in grey levels.

    Raises ImageError for a file that cannot be read or holds no map (for example a heat map, a PNG without a scale);
    OSError when there is no file.
    """
    data = Path(path).read_bytes()
    try:
        array = _npy_array(data) if Path(path).suffix.lower() == ".npy" else _picture_array(data)
    except Exception as error:  # Pillow's decoders raise nearly anything
        raise ImageError(f"{path}: cannot be read as a map: {error}") from error
    if array.dtype != np.float32 or array.ndim not in (2, 3):
        raise ImageError(f"{path}: holds {array.dtype} of shape {array.shape}, a map is float32 (H, W) or (H, W, C)")
    return array


def _npy_array(data: bytes) -> np.ndarray:
    return np.load(io.BytesIO(data), allow_pickle=False)


def _picture_array(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as picture:
        if picture.format == "TIFF":
            planes = [np.array(page) for page in ImageSequence.Iterator(picture)]
            return planes[0] if len(planes) == 1 else np.stack(planes, 2)
        picture.load()
        if "imgredux:scale" not in picture.info:
            raise ImageError("no entry imgredux:scale: imgredux did not write this PNG as a map")
        return np.asarray(picture, np.float32) * np.float32(picture.info["imgredux:scale"])
