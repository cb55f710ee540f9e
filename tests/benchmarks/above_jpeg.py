"""On how many images a codec is above JPEG 4:2:0 at equal bits, by the value of its knob, up to some bits per pixel.

python -m tests.benchmarks.above_jpeg RESULTS [--codec jndlc.base] [--data kodak]    # rows of the protocol rd

PSNR of the codec at its own rate, minus that of jpeg420, optimised and progressive, there (PCHIP on the logarithm of
the rate; below its cheapest point JPEG counts as that point, which favours it).
"""

import argparse
import math
import statistics
from pathlib import Path

from scipy.interpolate import PchipInterpolator

from imgredux.evaluate.bd_rate import rising
from imgredux.evaluate.results import read_rows
from imgredux.evaluate.summary import label

MOST = 0.8  # bits per pixel


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--codec", default="jndlc.base")
    parser.add_argument("--data", default="kodak")
    chosen = parser.parse_args()
    rows = [row for row in read_rows(chosen.results) if (row["protocol"], row["dataset"]) == ("rd", chosen.data)]
    points = {name: [] for name in ("jpeg420", chosen.codec)}
    for row in rows:
        name = label(row["method"], row["weights"])
        if name in points and row["values"].get("psnr") is not None:
            values = row["values"]
            points[name].append((row["image"], values["knob"], values["bpp"], values["psnr"]))
    print(
        f"| knob | images up to {MOST:g} bit | above JPEG | mean gain, dB | mean bpp |\n| --- | --- | --- | --- | --- |"
    )
    for knob in sorted({knob for _, knob, _, _ in points[chosen.codec]}):
        gains, rates = [], []
        for image, value, bpp, psnr in points[chosen.codec]:
            if value == knob and bpp <= MOST:
                curve = rising([(rate, quality) for other, _, rate, quality in points["jpeg420"] if other == image])
                jpeg = PchipInterpolator([math.log(rate) for rate, _ in curve], [quality for _, quality in curve])
                gains.append(psnr - float(jpeg(math.log(max(bpp, curve[0][0])))))
                rates.append(bpp)
        if gains:
            above = sum(gain > 0 for gain in gains)
            gain, rate = statistics.fmean(gains), statistics.fmean(rates)
            print(f"| {knob:g} | {len(gains)} | {above} | {gain:+.2f} | {rate:.3f} |")


if __name__ == "__main__":
    main()
