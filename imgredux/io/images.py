"""Images in and out: PIL image, ndarray, path -> tensor `(1, C, H, W)` in [0, 1], and back in the form they came in.

What you pass in decides what comes back, and nothing of it is lost on the way. `docs/contract.md` lists every form and
every error.
"""

import io
import math
import warnings
from dataclasses import dataclass, field, replace
from os import PathLike, fspath
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from torch import Tensor

from imgredux.errors import ImageError
from imgredux.io import jpeg_header
from imgredux.io.exif import with_sound_exif, without_orientation
from imgredux.io.opening import GRAY_16, MAX_PIXELS, is_deep, opened

ImageLike = Image.Image | np.ndarray | str | PathLike
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@dataclass(frozen=True)
class Source:
    """An image as methods see it, with what is needed to give a result back in the form the image came in.

    x: `(1, C, H, W)` float32 in [0, 1], C = 1 or 3.
    peak: the container's white: 255, 65535, or 1 for floating arrays; maps are given back in these units.
    alpha: `(H, W)` in the container's dtype, untouched; None when there is none.
    dtype, rank: of the array; mode: of the PIL image, None for arrays.
    info: ICC profile, EXIF and resolution, for the result.
    qtable: `(1, 2, 8, 8)` luma and chroma steps of a JPEG file, subsampling: its chroma's, as "4:2:0", None for
    greyscale; progressive: how the file is stored.
    stored: pixels are as the file stores them, not rotated by EXIF nor converted from the profile.
    """

    x: Tensor
    peak: float
    dtype: np.dtype
    rank: int = 3
    alpha: np.ndarray | None = None
    mode: str | None = None
    info: dict[str, Any] = field(default_factory=dict)
    qtable: Tensor | None = None
    stored: bool = False
    subsampling: str | None = None
    progressive: bool = False

    def give_map(self, jnd: Tensor) -> np.ndarray:
        """A map `(1, 1 or C, H, W)` as float32 `(H, W)` or `(H, W, C)` in the container's own units."""
        array = (jnd[0].detach().float().cpu() * self.peak).numpy()
        return array[0].copy() if len(array) == 1 else np.ascontiguousarray(array.transpose(1, 2, 0))

    def give_image(self, y: Tensor) -> Image.Image | np.ndarray:
        """An image `(1, C, H, W)` in the form the source came in; values beyond [0, 1] are clipped."""
        scaled = y[0].detach().float().clamp(0, 1).mul_(self.peak).cpu()
        planes = (scaled.round_() if self.dtype.kind == "u" else scaled).numpy().astype(self.dtype)
        if self.alpha is not None:
            planes = np.concatenate([planes, self.alpha[None]])
        array = planes[0] if self.rank == 2 else np.ascontiguousarray(planes.transpose(1, 2, 0))
        return array if self.mode is None else _to_pil(array, self)


def read(image: ImageLike, *, stored: bool = False) -> Source:
    """Read a PIL image, an array or a file.

    stored: keep pixels as the file stores them; otherwise EXIF orientation is applied and an ICC profile converted to
    sRGB. Raises ImageError: unreadable or truncated file, a mode, dtype, shape or range that the contract lacks.
    """
    if isinstance(image, np.ndarray):
        return _from_array(image)
    if isinstance(image, (str, PathLike)):
        return _from_pil(open_image(image), stored)
    if isinstance(image, Image.Image):
        return _from_pil(image, stored)
    raise ImageError(f"{type(image).__name__} is no image: pass a tensor, a numpy array, a PIL image or a path")


def to_tensor(image: ImageLike) -> Tensor:
    """The colour planes of an image as a tensor `(1, C, H, W)` float32 in [0, 1], sRGB. Raises ImageError as `read`."""
    return read(image).x


def open_image(path: str | PathLike, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Open and decode an image file, first frame. Raises ImageError for whatever goes wrong, naming the file.

    max_pixels: an image of more is refused before a pixel is decoded.
    """
    label = fspath(path)
    try:
        with Path(path).open("rb") as file:
            return _decode(file, label, max_pixels)
    except OSError as error:
        raise ImageError(f"{label}: cannot be read as an image: {error}", "corrupt") from error


def open_bytes(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Open and decode an image file held in memory. Raises ImageError as `open_image`."""
    return _decode(io.BytesIO(data), f"{len(data)} bytes", max_pixels)


def _decode(file: BinaryIO, label: str, max_pixels: int) -> Image.Image:
    try:
        image = opened(file, max_pixels)
        deep = is_deep(image) and image.mode not in (*GRAY_16, "I", "F")
        frames = getattr(image, "n_frames", 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit is ours
            image.load()
    except UnidentifiedImageError as error:
        raise ImageError(f"{label}: cannot be read as an image: no format that Pillow knows", "corrupt") from error
    except ImageError as error:
        raise ImageError(f"{label}: {error}", error.reason) from error
    except Exception as error:  # Pillow's decoders raise SyntaxError, ValueError, RuntimeError besides OSError
        raise ImageError(f"{label}: cannot be read as an image: {error}", "corrupt") from error
    if deep:
        warnings.warn(f"{label}: 16 bits a channel read as 8; pass a uint16 array to keep them", stacklevel=4)
    if frames > 1:
        warnings.warn(f"{label}: holds {frames} frames, the first is read", stacklevel=4)
    return with_sound_exif(image, label)


def _from_array(array: np.ndarray) -> Source:
    shape = array.shape
    if array.ndim not in (2, 3) or (array.ndim == 3 and shape[2] not in (1, 2, 3, 4)):
        hint = " Move the channels last: array.transpose(1, 2, 0)" if array.ndim == 3 and shape[0] in (1, 3, 4) else ""
        raise ImageError(f"array of shape {shape}: an image is (H, W) or (H, W, C) with C of 1 to 4.{hint}")
    if 0 in shape:
        raise ImageError(f"array of shape {shape} holds no pixel")
    if array.dtype == np.uint8 or array.dtype == np.uint16:
        peak = float(np.iinfo(array.dtype).max)
    elif array.dtype.kind == "f":
        peak = 1.0
        low, high = float(array.min()), float(array.max())
        if not (low >= 0 and high <= 1):  # NaN fails both
            cure = " Divide by 255, or pass uint8" if math.isfinite(high) and high > 1 else " Clip or mend it first"
            raise ImageError(f"float array with values from {low:g} to {high:g}: floats are read in [0, 1].{cure}")
    else:
        raise ImageError(f"array of dtype {array.dtype}: convert it to uint8, uint16, or float in [0, 1]")
    planes = array[None] if array.ndim == 2 else np.moveaxis(array, 2, 0)
    alpha = planes[-1].copy() if len(planes) in (2, 4) else None
    color = planes[: 3 if len(planes) >= 3 else 1]
    x = torch.from_numpy(np.array(color, dtype=np.float32, order="C")[None]).div_(peak)
    return Source(x, peak, array.dtype, array.ndim, alpha)


def _from_pil(image: Image.Image, stored: bool) -> Source:
    header = jpeg_header.header(image)
    image = with_sound_exif(image)
    info = {key: image.info[key] for key in ("icc_profile", "exif", "dpi") if key in image.info}
    mode = image.mode
    if 0 in image.size:
        raise ImageError(f"image of size {image.size} holds no pixel")
    if mode == "I" and image.format == "PPM":  # how Pillow reads a 16-bit PGM
        image, mode = image.convert("I;16"), "I;16"
    if mode in ("P", "PA") or (mode in ("L", "RGB", "1") and "transparency" in image.info):
        image = _unpacked(image)
        mode = "P" if mode == "P" and image.mode in ("L", "RGB") else image.mode
    elif mode == "1":
        image = image.convert("L")
    elif mode not in ("L", "LA", "RGB", "RGBA", *GRAY_16):
        target = "RGBA" if mode in ("RGBa", "La") else "RGB"
        cure = {"I": "pass np.asarray(image) as uint16", "F": "pass np.asarray(image), scaled to [0, 1]"}
        raise ImageError(f"PIL mode {mode!r}: {cure.get(mode, f'convert it first: image.convert({target!r})')}")
    if not stored:
        image = ImageOps.exif_transpose(image)
        image = _convert_profile(image, info)
        if "exif" in info:
            info["exif"] = without_orientation(info["exif"])
    array = np.asarray(image)
    source = _from_array(array.astype(np.uint16) if mode in GRAY_16 else array)
    return replace(source, mode=mode, info=info, stored=stored, **header)


def _unpacked(image: Image.Image) -> Image.Image:
    """A palette or colour-keyed image with its transparency as an alpha plane."""
    gray = image.mode in ("L", "1")
    if image.mode == "PA" or "transparency" in image.info:
        return image.convert("LA" if gray else "RGBA")
    return image.convert("RGB")


def _convert_profile(image: Image.Image, info: dict[str, Any], *, back: bool = False) -> Image.Image:
    """Colour planes from the embedded profile to sRGB, or back; an unusable profile is dropped with a warning."""
    profile = info.get("icc_profile")
    if not profile:
        return image
    try:
        embedded = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(embedded).lower():
            return image
        gray = image.mode in ("L", "LA")
        pair = (_SRGB, embedded) if back else (embedded, _SRGB)
        modes = ("RGB", "L") if gray and back else ("L" if gray else "RGB", "RGB")
        if image.mode not in ("L", "LA", "RGB", "RGBA"):
            raise ImageError(f"Pillow converts no profile of mode {image.mode}")
        color = image.convert(modes[0])
        result = ImageCms.profileToProfile(color, pair[0], pair[1], outputMode=modes[1])
        assert result is not None  # only the in-place form returns None
    except (ImageCms.PyCMSError, ImageError, OSError, TypeError, ValueError) as error:
        info.pop("icc_profile")
        warnings.warn(f"the embedded ICC profile cannot be used: {error}. Read as sRGB", stacklevel=3)
        return image
    if gray:
        result = result.getchannel(0)
    if image.mode in ("LA", "RGBA"):
        result.putalpha(image.getchannel("A"))
    return result


def _to_pil(array: np.ndarray, source: Source) -> Image.Image:
    image = Image.fromarray(array)
    if not source.stored:
        image = _convert_profile(image, dict(source.info), back=True)
    if source.mode == "1":
        image = image.convert("1", dither=Image.Dither.NONE)
    elif source.mode == "P":
        image = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    image.info.update(source.info)
    return ImageOps.exif_transpose(image) if source.stored else image
