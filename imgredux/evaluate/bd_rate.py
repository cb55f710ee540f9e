"""Rate-distortion curves of rows that hold bits per pixel, and how many bytes one codec saves on another.

    curves = mean_curves(rows, "kodak", "ssimulacra2")
    saving(curves["jpeg444"], curves["jndjpeg"]).percent     # -15: as good for 15 % fewer bytes

Bjøntegaard's delta rate by the package `bjontegaard`, on PCHIP of the logarithm of the rate. Imports no torch.
"""

import json
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from imgredux.errors import ImgreduxError
from imgredux.evaluate.published import CURVES
from imgredux.evaluate.summary import label
from imgredux.io.jsonl import Row

RATE = "bpp"  # the column of bits per pixel
LEAST_SCORE, BEST_SCORE = 30.0, 92.0  # of SSIMULACRA 2: beyond them it says little of what is seen
OVERLAP = 0.5  # of either curve: below it a saving is said to be uncertain
FEWEST = 4  # points of a curve


@dataclass(frozen=True)
class Saving:
    """Bytes of one codec against another at equal quality: percent (negative: fewer); NaN where they do not overlap.

    low, high: the range of qualities that is compared. overlap: that range over the wider of the two curves' own.
    """

    percent: float
    low: float
    high: float
    overlap: float


Curve = Sequence[tuple[float, float]]  # (bits per pixel, quality), quality rising


def saving(anchor: Curve, test: Curve) -> Saving:
    """Bjøntegaard's delta rate of `test` over the qualities that both reach.

    Points that do not rise in quality with the rate are left out. Raises ImgreduxError when `bjontegaard` is missing.
    """
    try:
        from bjontegaard import bd_rate
    except ModuleNotFoundError as error:
        raise ImgreduxError("BD-rates need bjontegaard. Install it with: pip install 'imgredux[eval]'") from error
    a, b = rising(anchor), rising(test)
    if min(len(a), len(b)) < FEWEST:
        return Saving(math.nan, math.nan, math.nan, 0.0)
    low, high = max(a[0][1], b[0][1]), min(a[-1][1], b[-1][1])
    overlap = max(high - low, 0.0) / max(a[-1][1] - a[0][1], b[-1][1] - b[0][1])
    if high <= low:
        return Saving(math.nan, low, high, 0.0)
    rates = [[rate for rate, _ in curve] for curve in (a, b)]
    qualities = [[quality for _, quality in curve] for curve in (a, b)]
    percent = bd_rate(
        rates[0], qualities[0], rates[1], qualities[1], method="pchip", require_matching_points=False, min_overlap=0
    )
    assert not isinstance(percent, tuple)  # no interpolators were asked for
    return Saving(float(percent), low, high, overlap)


def rising(curve: Curve) -> list[tuple[float, float]]:
    """The points by rate, without those that are not better than every cheaper one."""
    kept: list[tuple[float, float]] = []
    for rate, quality in sorted(curve):
        if not kept or (quality > kept[-1][1] and rate > kept[-1][0]):
            kept.append((rate, quality))
    return kept


def image_curves(rows: Iterable[Row], dataset: str, value: str, rate: str = RATE) -> dict[str, dict[str, Curve]]:
    """By method, then by image: its curve in a column, LPIPS as -LPIPS, MS-SSIM in dB, SSIMULACRA 2 within 30 to 92."""
    found: defaultdict[str, defaultdict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        values = row["values"]
        if row["dataset"] == dataset and values.get(value) is not None and values.get(rate) is not None:
            quality = axis(value, float(values[value]))
            if value != "ssimulacra2" or LEAST_SCORE <= quality <= BEST_SCORE:
                found[label(row["method"], row["weights"])][row["image"]].append((float(values[rate]), quality))
    return {name: {image: sorted(points) for image, points in images.items()} for name, images in found.items()}


def mean_curves(rows: Iterable[Row], dataset: str, value: str, rate: str = RATE) -> dict[str, Curve]:
    """By method: bits per pixel and quality, each the mean over images, at each value of the knob."""
    found: defaultdict[tuple[str, float], list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        values = row["values"]
        if row["dataset"] == dataset and values.get(value) is not None and values.get(rate) is not None:
            name = label(row["method"], row["weights"])
            found[name, row["level"]].append((float(values[rate]), float(values[value])))
    curves: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for (name, _), points in found.items():
        bpp, quality = (statistics.fmean(column) for column in zip(*points, strict=True))
        curves[name].append((bpp, axis(value, quality)))
    return {name: sorted(points) for name, points in curves.items()}


def mean_saving(anchor: Mapping[str, Curve], test: Mapping[str, Curve]) -> tuple[float, float, int]:
    """Savings image by image, both with a curve by image: mean, standard error, and of how many images."""
    each = [saving(anchor[image], test[image]).percent for image in anchor.keys() & test.keys()]
    each = [percent for percent in each if math.isfinite(percent)]
    if not each:
        return math.nan, math.nan, 0
    error = statistics.stdev(each) / math.sqrt(len(each)) if len(each) > 1 else math.nan
    return statistics.fmean(each), error, len(each)


def axis(value: str, quality: float) -> float:
    """A figure as savings are computed on it: higher is better, and equal steps are about equally visible."""
    if value == "ms_ssim":
        return -10 * math.log10(max(1 - quality, 1e-12))
    return -quality if value == "lpips" else quality


@cache
def published() -> dict[str, Mapping[str, Curve]]:
    """By data set: curves that others published, by codec, in PSNR of RGB. Their sources stand in the file."""
    data = json.loads((files("imgredux.evaluate.published") / CURVES).read_text("utf-8"))
    return {
        name: {codec: [(bpp, psnr) for bpp, psnr in curve] for codec, curve in one.items()}
        for name, one in data["psnr"].items()
    }
