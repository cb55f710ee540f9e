"""Is a JPEG better coded anew from its coefficients than from its pixels? Bytes at equal SSIMULACRA 2, by jndjpeg.

    python -m tests.benchmarks.requantize IMAGE...

Each image becomes a JPEG of Pillow's, which is then coded at five distances: from its pixels as they are decoded, and
from the coefficients that it stores (jpeglib reads them). The score is against the first JPEG.
"""

import argparse
import io
import math
import statistics
import tempfile
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import jpeglib
import numpy as np
import torch
from imgredux_jndjpeg.method import Analyzed, Choice
from imgredux_jndjpeg.trellis import ZIGZAG
from PIL import Image

from imgredux.methods.filecodec import as_written
from imgredux.metrics.ssimulacra2 import of_bytes

SOURCES = ((85, "4:2:0"), (92, "4:2:0"), (85, "4:4:4"), (95, "4:4:4"))
DISTANCES = (0.8, 1.2, 1.8, 2.6, 3.6)


def decoded(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def stored(data: bytes) -> list[torch.Tensor]:
    """Coefficients of each plane `(n, 64)` in zigzag order."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.jpg")
        path.write_bytes(data)
        read = jpeglib.read_dct(str(path))
    planes = zip((read.Y, read.Cb, read.Cr), (0, 1, 1), strict=True)
    return [
        torch.from_numpy((plane * read.qt[table].astype(np.float32)).reshape(-1, 64))[:, ZIGZAG].contiguous()
        for plane, table in planes
    ]


def curve(analyzed: Analyzed, half: bool, reference: np.ndarray) -> list[tuple[float, float]]:
    files = [analyzed.written(distance, Choice(), half) for distance in DISTANCES]
    return sorted((of_bytes(decoded(data), reference), math.log(len(data))) for data in files)


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.requantize")
    parser.add_argument("images", nargs="+", type=Path)
    torch.set_num_threads(1)
    found = defaultdict(list)
    for path in parser.parse_args().images:
        image = as_written(path).convert("RGB")
        for quality, subsampling in SOURCES:
            with io.BytesIO() as file:
                image.save(file, "JPEG", quality=quality, subsampling=subsampling)
                data = file.getvalue()
            reference, half = decoded(data), subsampling == "4:2:0"
            pixels, planes = Analyzed.of(Image.fromarray(reference), None), stored(data)
            full, halves = ([planes[0], *pixels.coefficients[1:]], planes[1:]) if half else (planes, pixels.halves)
            ways = (pixels, replace(pixels, coefficients=full, halves=halves))
            first, second = (curve(way, half, reference) for way in ways)
            grid = np.linspace(max(first[0][0], second[0][0]), min(first[-1][0], second[-1][0]), 50)
            means = [np.interp(grid, *zip(*one, strict=True)).mean() for one in (first, second)]
            found[quality, subsampling].append(100 * math.expm1(means[1] - means[0]))
    print("| source | bytes from coefficients, of those from pixels | smaller |\n|---|---|---|")
    for (quality, subsampling), values in found.items():
        smaller = f"{sum(value < 0 for value in values)} of {len(values)}"
        print(f"| quality {quality}, {subsampling} | {statistics.fmean(values):+.2f} % | {smaller} |")


if __name__ == "__main__":
    main()
