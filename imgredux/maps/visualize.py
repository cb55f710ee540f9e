"""Maps as images: heat maps, overlays on the image, sheets of images side by side. numpy and Pillow only."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from imgredux.errors import ImageError

if TYPE_CHECKING:
    from imgredux.io.images import ImageLike

# Night, violet, rose, amber, cream: lightness rises evenly (CIE L* 3, 22, 39, 56, 74, 96), so that the image also
# reads in print and for every kind of colour vision.
ANCHORS = ((8, 10, 32), (64, 32, 124), (158, 45, 128), (229, 88, 88), (250, 161, 62), (253, 243, 190))
PERCENTILE = 99.5
PAPER, INK = (255, 255, 255), (40, 40, 46)


def heatmap(jnd: np.ndarray, maximum: float | None = None, *, bar: bool = False) -> Image.Image:
    """A map as an RGB image, dark where little is hidden, bright where much is.

    jnd: `(H, W)`, or `(H, W, C)` of which the largest channel is shown; any unit.
    maximum: the value of the brightest colour, in the map's unit; None takes the map's 99.5th percentile, so that a few
    outliers do not darken the rest. Give one maximum to compare maps.
    bar: add a colour bar with numbers, in the map's unit (grey levels), at the right; the image grows.

    Raises ImageError for another shape, or values that are negative or not finite.
    """
    plane = _plane(jnd)
    top = _top(plane, maximum)
    picture = Image.fromarray(_table()[_index(plane, top)])
    return _with_bar(picture, top) if bar else picture


def overlay(image: "ImageLike", jnd: np.ndarray, opacity: float = 0.6, maximum: float | None = None) -> Image.Image:
    """The heat map laid over the image in grey, as an RGB image; small thresholds let more of the image through.

    opacity: 0 shows the image, 1 the heat map alone. jnd, maximum: as for `heatmap`, of the size of the image as it is
    seen, EXIF orientation applied. Raises ImageError, also for a map of another size.
    """
    from imgredux.io import images

    x = images.read(image).x[0].numpy()
    plane = _plane(jnd)
    if plane.shape != x.shape[1:]:
        raise ImageError(f"a map of size {plane.shape} does not fit an image of size {x.shape[1:]}")
    luma = x[0] if len(x) == 1 else np.tensordot(np.array([0.299, 0.587, 0.114], np.float32), x, 1)
    index = _index(plane, _top(plane, maximum))
    shades = np.linspace(0, 1, 256, dtype=np.float32)
    weight = Image.fromarray(np.rint(255 * np.clip(opacity, 0, 1) ** (2 - 1.5 * shades)).astype(np.uint8)[index])
    gray = Image.fromarray(np.rint(255 * luma).astype(np.uint8)).convert("RGB")
    return Image.composite(Image.fromarray(_table()[index]), gray, weight)


def sheet(pictures: Mapping[str, Image.Image], columns: int | None = None) -> Image.Image:
    """Images side by side on white, each over its caption, in rows of `columns` (default: one row of up to four).

    Nothing is scaled; a smaller image is centred in its cell. Raises ValueError when there is no image.
    """
    if not pictures:
        raise ValueError("a sheet needs at least one image")
    columns = min(columns or 4, len(pictures))
    rows = [list(pictures.values())[first : first + columns] for first in range(0, len(pictures), columns)]
    heights = [max(picture.height for picture in row) for row in rows]
    widths = [max(row[column].width for row in rows if column < len(row)) for column in range(columns)]
    size = _text_size(min(widths))
    lefts = [size + sum(widths[:column]) + column * size for column in range(columns + 1)]
    tops = [size + sum(heights[:row]) + row * 3 * size for row in range(len(rows) + 1)]
    canvas = Image.new("RGB", (lefts[-1], tops[-1] - size // 2), PAPER)
    draw = ImageDraw.Draw(canvas)
    for place, (caption, picture) in enumerate(pictures.items()):
        row, column = divmod(place, columns)
        left, top, width, height = lefts[column], tops[row], widths[column], heights[row]
        canvas.paste(
            picture.convert("RGB"), (left + (width - picture.width) // 2, top + (height - picture.height) // 2)
        )
        font = _fitting(caption, size, width + size)
        draw.text((left + width / 2, top + height + size), caption, INK, font, anchor="mm")
    return canvas


def _plane(jnd: np.ndarray) -> np.ndarray:
    """The map `(H, W)`: of a map with channels, the largest."""
    array = np.asarray(jnd, np.float32)
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise ImageError(f"a map of shape {array.shape}: give (H, W) or (H, W, C)")
    plane = array if array.ndim == 2 else array.max(2)
    if not (np.isfinite(plane).all() and plane.min() >= 0):
        raise ImageError(f"the map has values from {plane.min():g} to {plane.max():g}: thresholds are not negative")
    return plane


def _top(plane: np.ndarray, maximum: float | None) -> float:
    if maximum is None:
        maximum = float(np.percentile(plane, PERCENTILE)) or float(plane.max()) or 1.0
    if not (math.isfinite(maximum) and maximum > 0):
        raise ImageError(f"maximum is {maximum}: give a number above 0")
    return maximum


def _index(plane: np.ndarray, top: float) -> np.ndarray:
    return np.rint(np.minimum(plane / np.float32(top), 1) * 255).astype(np.uint8)


def _table() -> np.ndarray:
    """256 colours, `(256, 3)` uint8, between the anchors."""
    anchors = np.array(ANCHORS, np.float64)
    stops = np.linspace(0, 255, len(anchors))
    channels = [np.interp(np.arange(256), stops, channel) for channel in anchors.T]
    return np.rint(np.stack(channels, 1)).astype(np.uint8)


def _with_bar(picture: Image.Image, top: float) -> Image.Image:
    """The image with the colour table and its numbers at the right."""
    size = _text_size(max(picture.size))
    font = ImageFont.load_default(size)
    ticks = _ticks(top)
    labels = [f"{tick:g}" for tick in ticks]
    bar, gap = size, size // 2
    height = max(picture.height, 8 * size)
    text = math.ceil(max(font.getlength(label) for label in labels))
    canvas = Image.new("RGB", (picture.width + 4 * gap + bar + text, height), PAPER)
    canvas.paste(picture, (0, 0))
    left, inset = picture.width + gap, size
    length = height - 2 * inset
    shades = _table()[np.rint(np.linspace(255, 0, length)).astype(int)]
    canvas.paste(Image.fromarray(np.repeat(shades[:, None], bar, 1)), (left, inset))
    draw = ImageDraw.Draw(canvas)
    for tick, label in zip(ticks, labels, strict=True):
        y = inset + (length - 1) * (1 - tick / top)
        draw.line([(left + bar, y), (left + bar + gap // 2, y)], INK, max(1, size // 14))
        draw.text((left + bar + gap, y), label, INK, font, anchor="lm")
    return canvas


def _ticks(top: float) -> list[float]:
    """Four to ten round numbers from 0 to top."""
    decade = 10.0 ** math.floor(math.log10(top))
    step = next(decade * part for part in (0.2, 0.5, 1, 2) if top / (decade * part) < 9)
    return [step * k for k in range(int(top / step * (1 + 1e-9)) + 1)]


def _text_size(width: int) -> int:
    return min(max(width // 26, 12), 64)


def _fitting(text: str, size: int, width: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The default font, at `size` or as much smaller as it takes to fit the width."""
    font = ImageFont.load_default(size)
    wide = font.getlength(text)
    return font if wide <= width else ImageFont.load_default(max(6, math.floor(size * width / wide)))
