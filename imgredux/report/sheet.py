"""Image sheets: what the noise of each method looks like, as data URIs for the page.

Crops are lossless, so that the noise is the noise; whole images are previews, lossy and at most 768 pixels wide.
"""

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from PIL import Image

from imgredux import registry
from imgredux.errors import ImgreduxError
from imgredux.io.images import ImageLike, read
from imgredux.maps.noise import inject
from imgredux.maps.visualize import heatmap

CROP = 256  # pixels
STEP = 32  # between the windows tried
PREVIEW, QUALITY = 768, 88  # longest side in pixels and WebP quality of a whole image
BRIGHT = 3.0  # the colours of a map end at this multiple of the noise's rms
GRAY = 64  # the amplified difference of the rms is this grey, or near it


@dataclass(frozen=True)
class View:
    """A part of the image, `width` x `height` pixels on the page, as its original. exact: pixels as they are."""

    key: str
    label: str
    width: int
    height: int
    exact: bool
    original: str


@dataclass(frozen=True)
class Shown:
    """One method on the image: factor and realised MSE of its noise; by view, data URIs of what it made."""

    method: str
    phi: float
    mse: float
    reached: bool
    injected: dict[str, str]
    maps: dict[str, str]
    differences: dict[str, str]


@dataclass(frozen=True)
class Sheet:
    """An image under every method.

    gain: factor of the differences. bright: threshold times phi at the brightest colour of a map, in grey levels.
    problems: a sentence for each method that failed.
    """

    name: str
    width: int
    height: int
    mse: float
    seed: int
    gain: int
    bright: float
    views: list[View]
    methods: list[Shown]
    problems: list[str]


def sheets(image: ImageLike, methods: Sequence[str], mse: float = 100.0, seed: int = 0, *, name: str = "") -> Sheet:
    """The image with the noise of each method at the same MSE and signs: crops, maps, differences.

    image: as the contract has it; shown and measured as 8-bit grey or RGB, without alpha. methods: estimators, with
    `.tag` for weights. mse: of the noise, squared grey levels. name: shown; by default the file's, if it is one.

    Raises ImageError for an unreadable image; a method that fails is listed in `problems`.
    """
    pixels = _pixels(image)
    height, width = pixels.shape[:2]
    places = _crops(pixels)
    if max(width, height) > CROP:
        places["whole"] = (0, 0, width, height)
    views = [_view(key, pixels, place) for key, place in places.items()]
    gain, bright = max(1, round(GRAY / math.sqrt(mse))), BRIGHT * math.sqrt(mse)
    shown, problems = [], []
    for method in methods:
        try:
            jnd = registry.get(method)(pixels)
            noisy, phi, realized, reached = inject(pixels, jnd, mse, seed=seed)
        except ImgreduxError as error:
            problems.append(f"{method}: {error}")
            continue
        change = np.abs(noisy.astype(np.int16) - pixels).clip(max=255 // gain).astype(np.uint8) * np.uint8(gain)
        colors = np.asarray(heatmap(jnd * phi, bright))
        pictures = [{key: _cut(plane, place) for key, place in places.items()} for plane in (noisy, colors, change)]
        shown.append(Shown(method, float(phi), float(realized), bool(reached), *pictures))
    label = name or (Path(image).name if isinstance(image, (str, PathLike)) else "picture")
    return Sheet(label, width, height, mse, seed, gain, bright, views, shown, problems)


def _pixels(image: ImageLike) -> np.ndarray:
    """uint8 `(H, W)` or `(H, W, 3)`."""
    planes = read(image).x[0].mul(255).round_().byte().numpy()
    return planes[0].copy() if len(planes) == 1 else np.ascontiguousarray(planes.transpose(1, 2, 0))


def _crops(pixels: np.ndarray) -> dict[str, tuple[int, int, int, int]]:
    """The busiest and the calmest window, by the mean slope of grey: left, top, width, height."""
    rows, columns = (min(CROP, n) for n in pixels.shape[:2])
    gray = pixels.astype(np.float32) if pixels.ndim == 2 else pixels.mean(2, dtype=np.float32)
    slope = np.abs(np.diff(gray, axis=0, append=gray[-1:])) + np.abs(np.diff(gray, axis=1, append=gray[:, -1:]))
    total = np.pad(slope.cumsum(0, np.float64).cumsum(1), ((1, 0), (1, 0)))
    tops = [*range(0, len(gray) - rows, STEP), len(gray) - rows]
    lefts = [*range(0, gray.shape[1] - columns, STEP), gray.shape[1] - columns]
    activity = {
        (left, top, columns, rows): total[top + rows, left + columns]
        - total[top, left + columns]
        - total[top + rows, left]
        + total[top, left]
        for top in tops
        for left in lefts
    }
    busiest, calmest = max(activity, key=activity.__getitem__), min(activity, key=activity.__getitem__)
    return {"busiest": busiest} | ({"calmest": calmest} if calmest != busiest else {})


def _view(key: str, pixels: np.ndarray, place: tuple[int, int, int, int]) -> View:
    left, top, width, height = place
    if _whole(pixels, place):
        scale = min(1, PREVIEW / max(width, height))
        size = "" if scale == 1 else f", shrunk to {scale:.0%}"
        shown = max(1, round(width * scale)), max(1, round(height * scale))
        return View(key, f"whole image, lossy preview{size}", *shown, False, _cut(pixels, place))
    label = f"{key} {width} x {height} pixels at {left}, {top}, lossless, enlarged"
    return View(key, label, 2 * width, 2 * height, True, _cut(pixels, place))


def _whole(pixels: np.ndarray, place: tuple[int, int, int, int]) -> bool:
    """Whether the place is all of an image that is more than a crop."""
    return place[2:] == pixels.shape[1::-1] and max(place[2:]) > CROP


def _cut(pixels: np.ndarray, place: tuple[int, int, int, int]) -> str:
    """A part of the pixels as a data URI: lossless, but for the whole of a large image."""
    left, top, width, height = place
    picture = Image.fromarray(np.ascontiguousarray(pixels[top : top + height, left : left + width]))
    file = io.BytesIO()
    if _whole(pixels, place):
        picture.thumbnail((PREVIEW, PREVIEW), Image.Resampling.LANCZOS)
        picture.save(file, "WEBP", quality=QUALITY)
    else:
        picture.save(file, "WEBP", lossless=True)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
