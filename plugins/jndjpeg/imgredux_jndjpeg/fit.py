"""The search that found the factors of `tables` and the defaults of `Choice`, on training images.

python -m imgredux_jndjpeg.fit --images DIR [--butteraugli butteraugli_main] [--from-nothing] [--rounds 3]

Coordinate descent on the mean logarithm of the bytes against 4:4:4 JPEG at equal quality, at a short and a long
distance (`--distances`), on the middles of images. Quality is SSIMULACRA 2; with a program of butteraugli it is that
and butteraugli's 3-norm, in equal parts: one judge alone is flattered by what was fitted on it. It needs
imgredux-formats for the JPEG. Never give it images that are to judge.
"""

import argparse
import io
import math
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.interpolate import PchipInterpolator

from imgredux import registry
from imgredux.evaluate.bd_rate import rising
from imgredux.io.finding import find_images
from imgredux.methods.codec import Codec
from imgredux.metrics.ssimulacra2 import of_bytes
from imgredux_jndjpeg import method
from imgredux_jndjpeg.tables import FACTORS, factors_at, tables

SIDE, PICTURES = 320, 16
QUALITIES = (15, 25, 40, 55, 70, 80, 90, 95)
DISTANCES = (1.3, 3.4)
STEPS = (*(0.2,) * len(FACTORS), 0.3, 0.07)  # of the factors, of ln(trade), of the masking
SHRINK = 0.6  # of the steps, after each round
Trial = list[float]
Judge = Callable[[np.ndarray, np.ndarray], float]  # of an image and its reference, the better the higher


def butteraugli(image: np.ndarray, reference: np.ndarray, program: str) -> float:
    """Minus butteraugli's 3-norm, by libjxl's program."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{name}.ppm") for name in "xy"]
        for path, array in zip(paths, (reference, image), strict=True):
            Image.fromarray(array).save(path)
        done = subprocess.run([program, *map(str, paths)], capture_output=True, text=True, check=True)
    return -float(re.findall(r"3-norm: ([\d.]+)", done.stdout)[0])


class Middle:
    """The middle of an image, and of each judge ln(bytes) of its JPEG by what it says."""

    def __init__(self, path: Path, jpeg: Codec, judges: Sequence[Judge]) -> None:
        with Image.open(path) as image:
            left, top = ((n - SIDE) // 2 // 8 * 8 for n in image.size)
            self.image = image.convert("RGB").crop((left, top, left + SIDE, top + SIDE))
        self.x = np.asarray(self.image)
        self.analyzed = method.Analyzed.of(self.image, None)
        files = [jpeg.encode(self.image, quality=q) for q in QUALITIES]
        self.judges: list[tuple[Judge, PchipInterpolator, float, float]] = []
        for judge in judges:
            curve = rising([(len(data), judge(_decoded(data), self.x)) for data in files])
            sizes, values = zip(*curve, strict=True)
            self.judges.append((judge, PchipInterpolator(values, np.log(sizes)), values[0], values[-1]))

    def cost(self, distance: float, trial: Trial) -> list[float]:
        """Of each judge, ln(bytes) above those of the JPEG that it holds for as good."""
        choice = replace(method.Choice(), trade=math.exp(trial[-2]), masking=trial[-1])
        data = self.analyzed.written(distance, choice, tables(distance, tuple(trial[:-2])))
        y = _decoded(data)
        return [
            math.log(len(data)) - float(size_at(min(max(judge(y, self.x), low), high)))
            for judge, size_at, low, high in self.judges
        ]


def _decoded(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


@torch.no_grad()
def descend(middles: Sequence[Middle], trial: Trial, rounds: int, distances: Sequence[float]) -> Trial:
    """The trial after so many rounds, each printed."""

    def cost(one: Trial) -> float:
        each = np.array([m.cost(d, one) for m in middles for d in distances]).mean(0)
        said[:] = [f"{100 * value:+.2f}" for value in each]
        return float(each.mean())

    said: list[str] = []
    best, steps = cost(trial), STEPS
    print(f"start: {100 * best:+.2f} % of the JPEG's bytes, by judge {' '.join(said)}", flush=True)
    for number in range(1, rounds + 1):
        for place, step in enumerate(steps):
            for sign in (1, -1):
                other = [*trial]
                other[place] += sign * step
                if (found := cost(other)) < best - 1e-5:
                    best, trial = found, other
                    break
        steps = tuple(SHRINK * step for step in steps)
        cost(trial)
        rounded = [round(one, 3) for one in trial]
        print(f"round {number}: {100 * best:+.2f} %, by judge {' '.join(said)}, {rounded}", flush=True)
    return trial


def main() -> None:
    """Print what is found: ln of the factors, ln of the trade, the masking."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", required=True, metavar="DIR")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--butteraugli", metavar="PROGRAM", help="judge by its 3-norm too")
    parser.add_argument("--distances", type=float, nargs="+", default=DISTANCES)
    parser.add_argument("--start", type=float, nargs=2, metavar=("TRADE", "MASKING"), help="begin there")
    parser.add_argument("--from-nothing", action="store_true", help="start from jpegli's tables, not from those here")
    chosen = parser.parse_args()
    jpeg, paths = registry.get("jpeg444"), find_images([chosen.images])
    assert isinstance(jpeg, Codec)  # its kind
    large = [path for path in paths if min(Image.open(path).size) >= SIDE]
    judges: list[Judge] = [of_bytes]
    if chosen.butteraugli:
        judges.append(partial(butteraugli, program=chosen.butteraugli))
    torch.set_num_threads(1)
    middles = [Middle(path, jpeg, judges) for path in large[:: max(len(large) // PICTURES, 1)][:PICTURES]]
    default = method.Choice()
    nearest = min(chosen.distances)
    factors = [0.0] * len(FACTORS) if chosen.from_nothing else [*factors_at(nearest)]
    trade, masking = chosen.start or (default.trade, default.masking)
    descend(middles, [*factors, math.log(trade), masking], chosen.rounds, chosen.distances)


if __name__ == "__main__":
    main()
