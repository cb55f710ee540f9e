"""The search that found the factors of `tables` and the defaults of `Choice`, on training images.

python -m imgredux_jndjpeg.fit --images DIR [--butteraugli butteraugli_main] [--from-nothing] [--half] [--rounds 3]

Coordinate descent on the mean logarithm of the bytes at the qualities that some distances (`--distances`) have at the
start, on the middles of images: at equal distances, what makes files coarser would win. Quality is SSIMULACRA 2; with a
program of butteraugli it is that and butteraugli's 3-norm, in equal parts: one judge alone is flattered by what was
fitted on it. With `--half`, of the factors on Cb and Cr of half the size, alone, and only on images where this size is
taken. With `--sizes`, what the rule for this size is worth. Never give it images that are to judge.
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
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from imgredux.io.finding import find_images
from imgredux.metrics.ssimulacra2 import of_bytes
from imgredux_jndjpeg import method
from imgredux_jndjpeg.tables import FACTORS, HALF_FACTORS, factors_at, tables, trade_at

SIDE, PICTURES = 320, 16
APART = 1.3  # factor of the distances whose files a quality lies between
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
    """The middle of an image, and who judges its files."""

    def __init__(self, path: Path, judges: Sequence[Judge]) -> None:
        with Image.open(path) as image:
            left, top = ((n - SIDE) // 2 // 8 * 8 for n in image.size)
            self.image = image.convert("RGB").crop((left, top, left + SIDE, top + SIDE))
        self.x = np.asarray(self.image)
        self.analyzed = method.Analyzed.of(self.image, None)
        self.judges = judges

    def aim(self, distance: float, trial: Trial, half: bool) -> "Aim":
        """What files with this trial have at a distance: others are compared at the same."""
        data = self._written(distance, trial, half)
        y = _decoded(data)
        return Aim(self, distance, half, [judge(y, self.x) for judge in self.judges])

    def _written(self, distance: float, trial: Trial, half: bool) -> bytes:
        if half:  # the factors on Cb and Cr alone
            return self.analyzed.written(distance, method.Choice(), True, tables(distance, half=tuple(trial)))
        choice = replace(method.Choice(), trade=math.exp(trial[-2]) / trade_at(distance), masking=trial[-1])
        return self.analyzed.written(distance, choice, False, tables(distance, tuple(trial[:-2])))


class Aim(NamedTuple):
    """One image at the qualities, by judge, that a distance had at the start."""

    middle: Middle
    distance: float
    half: bool
    values: list[float]

    def cost(self, trial: Trial) -> list[float]:
        """ln(bytes) of a file that each judge holds for as good, from a nearer one and a farther one."""
        points = []
        for factor in (1 / APART, APART):
            data = self.middle._written(self.distance * factor, trial, self.half)
            y = _decoded(data)
            points.append((math.log(len(data)), [judge(y, self.middle.x) for judge in self.middle.judges]))
        (near, above), (far, below) = points
        return [
            far + (near - far) * min(max((value - b) / max(a - b, 1e-6), -1.0), 2.0)
            for value, a, b in zip(self.values, above, below, strict=True)
        ]


def _decoded(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


@torch.no_grad()
def descend(aims: Sequence[Aim], trial: Trial, rounds: int) -> Trial:
    """The trial with the least mean of the costs after so many rounds, each printed beside the start."""

    def costs(one: Trial) -> np.ndarray:
        return np.array([aim.cost(one) for aim in aims]).mean(0)

    first = costs(trial)
    best, steps = float(first.mean()), STEPS[: len(trial)]
    for number in range(1, rounds + 1):
        for place, step in enumerate(steps):
            for sign in (1, -1):
                other = [*trial]
                other[place] += sign * step
                if (found := float(costs(other).mean())) < best - 1e-5:
                    best, trial = found, other
                    break
        steps = tuple(SHRINK * step for step in steps)
        change = " ".join(f"{100 * value:+.2f}" for value in costs(trial) - first)
        rounded = [round(one, 3) for one in trial]
        print(f"round {number}: bytes {change} % by judge, {rounded}", flush=True)
    return trial


def compare(pairs: Sequence[tuple[Middle, float]]) -> None:
    """Print what Cb and Cr of half the size save: always, where the rule says so, and at the best."""
    found, default = [], method.Choice()
    for middle, distance in pairs:
        trial = [*factors_at(distance), math.log(trade_at(distance)), default.masking]
        aim = middle.aim(distance, trial, False)
        half = aim._replace(half=True).cost([*HALF_FACTORS])
        found.append((np.mean(half) - np.mean(aim.cost(trial)), middle.analyzed.smooth(distance, default)))
    changes, ruled = (np.array(one) for one in zip(*found, strict=True))
    for what, taken in (("always", True), ("by the rule", ruled), ("at the best", changes < 0)):
        share = np.broadcast_to(taken, changes.shape).mean()
        print(f"{what}: bytes {100 * np.where(taken, changes, 0).mean():+.2f} %, {100 * share:.0f} % of {len(changes)}")


def main() -> None:
    """Print what is found: ln of the factors, and, of those of the full size, ln of the trade, the masking."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", required=True, metavar="DIR")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--butteraugli", metavar="PROGRAM", help="judge by its 3-norm too")
    parser.add_argument("--distances", type=float, nargs="+", default=DISTANCES)
    parser.add_argument("--start", type=float, nargs=2, metavar=("TRADE", "MASKING"), help="begin there")
    parser.add_argument("--half", action="store_true", help="the factors on Cb and Cr of half the size")
    parser.add_argument("--sizes", action="store_true", help="no search: what the choice of this size saves")
    parser.add_argument("--from-nothing", action="store_true", help="start from jpegli's tables, not from those here")
    chosen = parser.parse_args()
    paths = find_images([chosen.images])
    large = [path for path in paths if min(Image.open(path).size) >= SIDE]
    judges: list[Judge] = [of_bytes]
    if chosen.butteraugli:
        judges.append(partial(butteraugli, program=chosen.butteraugli))
    torch.set_num_threads(1)
    middles = [Middle(path, judges) for path in large[:: max(len(large) // PICTURES, 1)][:PICTURES]]
    default = method.Choice()
    pairs = [(middle, distance) for middle in middles for distance in chosen.distances]
    factors = [0.0] * len(FACTORS) if chosen.from_nothing else [*factors_at(min(chosen.distances))]
    trade, masking = chosen.start or (trade_at(min(chosen.distances)), default.masking)
    trial = [*factors, math.log(trade), masking]
    with torch.no_grad():
        if chosen.sizes:
            compare(pairs)
            return
        if chosen.half:
            trial = [*HALF_FACTORS]
            pairs = [(m, distance) for m, distance in pairs if m.analyzed.smooth(distance, default)]
        aims = [m.aim(distance, trial, chosen.half) for m, distance in pairs]
    descend(aims, trial, chosen.rounds)


if __name__ == "__main__":
    main()
