"""Images in and out: PIL image, array, file -> tensor `(1, C, H, W)` in [0, 1], and back in the form they came in.

What you pass in decides what comes back, and nothing of it is lost on the way. `docs/reference/contract.md` lists every
form and every error.
"""

import io
import math
import warnings
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageCms
from torch import Tensor

from imgredux.errors import ImageError
from imgredux.io import deep, jpeg_header, profiles
from imgredux.io.decoding import stated_profile, texts_of
from imgredux.io.exif import RAW, with_sound_exif
from imgredux.io.given import ImageLike, taken
from imgredux.io.jpeg_file import file_of
from imgredux.io.opening import GRAY_16
from imgredux.io.upright import orientation_of, upright

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
KEPT = ("icc_profile", "exif", "xmp", "dpi", "texts")  # of a PIL image's info, for the result


@dataclass(frozen=True)
class Source:
    """An image as methods see it, with what is needed to give a result back in the form the image came in.

    x: `(1, C, H, W)` float32 in [0, 1], C = 1 or 3.
    peak: the container's white: 255, 65535, or 1 for floating arrays; maps are given back in these units.
    alpha: `(H, W)` in the container's dtype, untouched; None when there is none.
    dtype, rank: of the array; mode: of the PIL image, None for arrays.
    info: ICC profile, EXIF, XMP, resolution and texts, for the result; of a file that states its colors in another
    way, the profile that says the same.
    qtable: `(1, 2, 8, 8)` luma and chroma steps of a JPEG file, subsampling: its chroma's, as "4:2:0", None for
    greyscale; progressive: how the file is stored.
    stored: pixels are as the file stores them, not rotated by EXIF nor converted from the profile.
    file: the JPEG that stored pixels were decoded from, where it is known.
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
    file: bytes | None = field(default=None, repr=False)

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
        if self.mode is None and self.stored and self.info:  # 16 bits of color, of a file
            return deep.turned(array, orientation_of(deep.as_image(array, self.info)))
        return array if self.mode is None else _to_pil(array, self)


def read(image: ImageLike, *, stored: bool = False) -> Source:
    """Read a PIL image, an array or array-like, or a file: its path, its bytes, or the open file (`given.taken`).

    stored: keep pixels as the file stores them; otherwise EXIF orientation is applied and an ICC profile converted to
    sRGB. Raises ImageError: unreadable or truncated file, a mode, dtype, shape or range that the contract lacks.
    """
    given = taken(image)
    return _from_array(given) if isinstance(given, np.ndarray) else _from_pil(given, stored)


def to_tensor(image: ImageLike) -> Tensor:
    """The colour planes of an image as a tensor `(1, C, H, W)` float32 in [0, 1], sRGB. Raises ImageError as `read`."""
    return read(image).x


def as_seen(image: Image.Image, profile: bytes | None) -> Tensor:
    """What an image of mode L or RGB shows in its profile, as sRGB `(1, 1 or 3, H, W)` that is not clipped.

    A color outside of sRGB has values beyond [0, 1], so that errors in it count. A profile of tables is LittleCMS's
    work, which clips. None: the image is sRGB.
    """
    planes = np.asarray(image, dtype=np.float32) / 255
    seen = _in_srgb(planes[None] if planes.ndim == 2 else planes.transpose(2, 0, 1), profile)
    if seen is None:
        plain = image.copy()
        plain.info = {"icc_profile": profile}
        return read(plain).x
    return torch.from_numpy(np.ascontiguousarray(seen))[None]


def _in_srgb(planes: np.ndarray, profile: bytes | None) -> np.ndarray | None:
    """Planes `(C, H, W)` as sRGB that is not clipped; None for a profile that is LittleCMS's work."""
    if not profile or profiles.is_srgb(profile):
        return planes
    matrix = profiles.matrix_of(profile)
    if matrix is None or len(matrix.curves) != len(planes):
        return None
    return profiles.encoded(matrix.linear(planes)).astype(np.float32)


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


def as_stored(image: Image.Image) -> Image.Image | None:
    """An image of 8 bits and of mode L, LA, RGB or RGBA as its file stores it, `info` with what is kept of it alone.

    A palette is unpacked. None for more than 8 bits. Raises ImageError as `read`.
    """
    found, _, info = _prepared(image)
    if deep.samples_of(found) is not None or found.mode in GRAY_16:
        return None
    plain = found.copy()
    plain.info = {**info}
    return plain


def _prepared(image: Image.Image) -> tuple[Image.Image, str, dict[str, Any]]:
    """An image that can be read, the mode that a result shall have, and what is kept of it."""
    added = {"icc_profile": stated_profile(image, {}), "texts": texts_of(image)}
    image = with_sound_exif(image)
    info = {key: value for key, value in {**image.info, **{k: v for k, v in added.items() if v}}.items() if key in KEPT}
    if RAW in image.info and "exif" not in info:
        info["exif"] = image.getexif().tobytes()
    mode = image.mode
    if 0 in image.size:
        raise ImageError(f"image of size {image.size} holds no pixel")
    if mode == "I" and image.format == "PPM":  # how Pillow reads a 16-bit PGM
        image, mode = image.convert("I;16"), "I;16"
    if deep.samples_of(image) is not None:
        pass  # they have their transparency
    elif mode in ("P", "PA") or (mode in ("L", "RGB", "1") and "transparency" in image.info):
        image = _unpacked(image)
        mode = "P" if mode == "P" and image.mode in ("L", "RGB") else image.mode
    elif mode == "1":
        image = image.convert("L")
    elif mode not in ("L", "LA", "RGB", "RGBA", *GRAY_16):
        target = "RGBA" if mode in ("RGBa", "La") else "RGB"
        cure = {"I": "pass np.asarray(image) as uint16", "F": "pass np.asarray(image), scaled to [0, 1]"}
        raise ImageError(f"PIL mode {mode!r}: {cure.get(mode, f'convert it first: image.convert({target!r})')}")
    return image, mode, info


def _from_pil(image: Image.Image, stored: bool) -> Source:
    header = jpeg_header.header(image)
    if header and stored:
        header["file"] = file_of(image)
    image, mode, info = _prepared(image)
    if not stored:
        image = upright(image)
        info |= {key: image.info[key] for key in ("exif", "xmp") if key in image.info}
    samples = deep.samples_of(image)
    if samples is not None and (found := _from_deep(samples, info, stored)):
        return found
    if not stored:
        image = _convert_profile(image, info)
    array = np.asarray(image)
    source = _from_array(array.astype(np.uint16) if mode in GRAY_16 else array)
    return replace(source, mode=mode, info=info, stored=stored, **header)


def _from_deep(samples: np.ndarray, info: dict[str, Any], stored: bool) -> Source | None:
    """Samples of 16 bits as an array; None where the profile is one that is converted at 8 bits only."""
    source = _from_array(samples)
    profile = info.get("icc_profile")
    if profile and not stored:
        planes = _in_srgb(source.x[0].numpy(), profile)
        if planes is None:
            warnings.warn("16 bits a channel in a profile of tables are read as 8", stacklevel=4)
            return None
        info.pop("icc_profile")
        source = replace(source, x=torch.from_numpy(np.ascontiguousarray(planes.clip(0, 1)))[None])
    return replace(source, info=info, stored=stored)


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
        if profiles.is_srgb(profile):
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
    return upright(image) if source.stored else image
