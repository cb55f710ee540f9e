"""Bytes of codecs against one of them where JND lives, by every judge, from rows of the protocol `rd`.

    python -m tests.campaigns.rd_ranges RESULTS... [--data kodak] [--anchor jpeg420]

BD-rates (PCHIP on the logarithm of the rate), per cent, means over images with standard errors and how many. By a
judge: over the qualities that the anchor has where its SSIMULACRA 2 is 50 to 85, for images on which the two curves
share at least half of that range. "PSNR, 0.1 to 1": over all PSNR that both reach with 0.1 to 1 bit per pixel.
"""

import argparse
import math
import statistics
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy.interpolate import PchipInterpolator

from imgredux.evaluate.bd_rate import Curve, rising, saving
from imgredux.evaluate.results import read_rows
from imgredux.evaluate.summary import label

SCORES = (50.0, 85.0)  # of SSIMULACRA 2
RATES = (0.1, 1.0)  # bits per pixel
SHARE = 0.5  # of the range that both curves have at least
JUDGES = {
    "ssimulacra2": lambda x: x,
    "butteraugli_3norm": lambda x: -x,
    "cvvdp_fhd": lambda x: x,
    "ms_ssim": lambda x: -10 * math.log10(max(1 - x, 1e-12)),
    "lpips": lambda x: -x,
}
Points = dict[str, dict[str, list[dict[str, float]]]]  # by codec, by image


def points_of(files: list[Path], data: str) -> Points:
    """What each codec gave for each image, by rate."""
    found: defaultdict[str, defaultdict[str, list[dict[str, float]]]] = defaultdict(lambda: defaultdict(list))
    for file in files:
        for row in read_rows(file):
            if (row["protocol"], row["dataset"]) == ("rd", data) and row["values"].get("bpp") is not None:
                found[label(row["method"], row["weights"])][row["image"]].append(dict(row["values"]))
    return {name: dict(images) for name, images in found.items()}


def curve(points: list[dict[str, float]], judge: str) -> Curve:
    """Rate and quality, rising."""
    turned = JUDGES.get(judge, lambda x: x)
    return rising([(point["bpp"], turned(point[judge])) for point in points if point.get(judge) is not None])


def by_score(anchor: list[dict[str, float]], test: list[dict[str, float]], judge: str) -> float:
    """BD-rate by a judge, between the anchor's qualities at the ends of SCORES; NaN where they share too little."""
    scores, own, other = curve(anchor, "ssimulacra2"), curve(anchor, judge), curve(test, judge)
    if min(map(len, (scores, own, other))) < 4:
        return math.nan
    rate_at = PchipInterpolator([score for _, score in scores], np.log([rate for rate, _ in scores]))
    judged = PchipInterpolator(np.log([rate for rate, _ in own]), [quality for _, quality in own])
    ends = (min(max(end, scores[0][1]), scores[-1][1]) for end in SCORES)
    low, high = (float(judged(rate_at(end))) for end in ends)
    start, stop = max(low, other[0][1]), min(high, other[-1][1])
    if stop <= start or stop - start < SHARE * (high - low):
        return math.nan
    grid = np.linspace(start, stop, 100)
    rates = [PchipInterpolator([q for _, q in one], np.log([r for r, _ in one]))(grid) for one in (own, other)]
    return 100 * math.expm1(float((rates[1] - rates[0]).mean()))


def by_rate(anchor: list[dict[str, float]], test: list[dict[str, float]]) -> float:
    """BD-rate by PSNR within RATES."""

    def cut(points: list[dict[str, float]]) -> Curve:
        whole = curve(points, "psnr")
        found = PchipInterpolator(np.log([rate for rate, _ in whole]), [quality for _, quality in whole])
        ends = [rate for rate in RATES if whole[0][0] < rate < whole[-1][0]]
        inner = [(rate, quality) for rate, quality in whole if RATES[0] <= rate <= RATES[1]]
        return [*inner, *((rate, float(found(math.log(rate)))) for rate in ends)]

    return saving(cut(anchor), cut(test)).percent


def cell(values: list[float]) -> str:
    """Mean, standard error and number of those that are numbers."""
    kept = [value for value in values if math.isfinite(value)]
    if len(kept) < 2:
        return "none"
    error = statistics.stdev(kept) / math.sqrt(len(kept))
    count = f" ({len(kept)} of {len(values)})" if len(kept) < len(values) else ""
    return f"{statistics.fmean(kept):+.1f} ±{error:.1f}{count}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.rd_ranges")
    parser.add_argument("results", nargs="+", type=Path)
    parser.add_argument("--data", default="kodak")
    parser.add_argument("--anchor", default="jpeg420")
    chosen = parser.parse_args()
    points = points_of(chosen.results, chosen.data)
    anchor = points[chosen.anchor]
    names = [name for name in points if name != chosen.anchor]
    heads = ["PSNR, 0.1 to 1", *JUDGES]
    print(f"| {chosen.data} against {chosen.anchor} | {' | '.join(heads)} |\n|{'---|' * (len(heads) + 1)}")
    for name in names:
        images = [image for image in anchor if image in points[name]]
        cells = [cell([by_rate(anchor[image], points[name][image]) for image in images])]
        cells += [cell([by_score(anchor[i], points[name][i], judge) for i in images]) for judge in JUDGES]
        print(f"| `{name}` | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
