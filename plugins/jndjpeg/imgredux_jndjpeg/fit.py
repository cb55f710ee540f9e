"""The search that found the factors of `tables` and the defaults of `Choice`, on training images.

python -m imgredux_jndjpeg.fit --images DIR [--from-nothing] [--rounds 3]

Coordinate descent on the mean logarithm of the bytes against 4:4:4 JPEG at equal SSIMULACRA 2, at a short and a long
distance, on the middles of images. It needs imgredux-formats for the JPEG. Never give it images that are to judge.
"""

import argparse
import io
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from imgredux import registry
from imgredux.evaluate.bd_rate import rising
from imgredux.io.finding import find_images
from imgredux.io.images import to_tensor
from imgredux.methods.codec import Codec
from imgredux.metrics.ssimulacra2 import ssimulacra2
from imgredux_jndjpeg import method
from imgredux_jndjpeg.tables import FACTORS, tables

SIDE, PICTURES = 320, 16
QUALITIES = (15, 25, 40, 55, 70, 80, 90, 95)
DISTANCES = (1.3, 3.4)
STEPS = (*(0.2,) * len(FACTORS), 0.3, 0.07)  # of the factors, of ln(trade), of the masking
SHRINK = 0.6  # of the steps, after each round
Trial = list[float]


class Middle:
    """The middle of an image, and ln(bytes) of its JPEG by score."""

    def __init__(self, path: Path, jpeg: Codec) -> None:
        x = to_tensor(path).expand(-1, 3, -1, -1)
        top, left = ((n - SIDE) // 2 // 8 * 8 for n in x.shape[-2:])
        self.x = x[..., top : top + SIDE, left : left + SIDE].contiguous()
        self.image = Image.fromarray((255 * self.x[0]).round().byte().permute(1, 2, 0).numpy())
        self.analyzed = method.Analyzed.of(self.image, None)
        curve = rising(
            [(len(data), score(data, self.x)) for data in (jpeg.encode(self.x, quality=q) for q in QUALITIES)]
        )
        sizes, scores = zip(*curve, strict=True)
        self.ends = scores[0], scores[-1]
        self.size_at = PchipInterpolator(scores, np.log(sizes))

    def cost(self, distance: float, trial: Trial) -> float:
        """ln(bytes) above those of the JPEG of the same score."""
        choice = replace(method.Choice(), trade=math.exp(trial[-2]), masking=trial[-1])
        data = self.analyzed.written(distance, choice, tables(distance, tuple(trial[:-2])))
        reached = min(max(score(data, self.x), self.ends[0]), self.ends[1])
        return math.log(len(data)) - float(self.size_at(reached))


def score(data: bytes, x: Tensor) -> float:
    return float(ssimulacra2(to_tensor(Image.open(io.BytesIO(data)).convert("RGB")), x))


@torch.no_grad()
def descend(middles: Sequence[Middle], trial: Trial, rounds: int) -> Trial:
    """The trial after so many rounds, each printed."""

    def cost(one: Trial) -> float:
        return sum(m.cost(d, one) for m in middles for d in DISTANCES) / (len(middles) * len(DISTANCES))

    best, steps = cost(trial), STEPS
    print(f"start: {100 * best:+.2f} % of the JPEG's bytes", flush=True)
    for number in range(1, rounds + 1):
        for place, step in enumerate(steps):
            for sign in (1, -1):
                other = [*trial]
                other[place] += sign * step
                if (found := cost(other)) < best - 1e-5:
                    best, trial = found, other
                    break
        steps = tuple(SHRINK * step for step in steps)
        print(f"round {number}: {100 * best:+.2f} %, {[round(one, 3) for one in trial]}", flush=True)
    return trial


def main() -> None:
    """Print what is found: ln of the factors, ln of the trade, the masking."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", required=True, metavar="DIR")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--from-nothing", action="store_true", help="start from jpegli's tables, not from those here")
    chosen = parser.parse_args()
    jpeg, paths = registry.get("jpeg444"), find_images([chosen.images])
    assert isinstance(jpeg, Codec)  # its kind
    large = [path for path in paths if min(Image.open(path).size) >= SIDE]
    middles = [Middle(path, jpeg) for path in large[:: max(len(large) // PICTURES, 1)][:PICTURES]]
    default = method.Choice()
    factors = [0.0] * len(FACTORS) if chosen.from_nothing else [*FACTORS]
    descend(middles, [*factors, math.log(default.trade), default.masking], chosen.rounds)


if __name__ == "__main__":
    main()
