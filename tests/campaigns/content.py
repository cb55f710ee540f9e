"""Which images are taken for graphics, and what that gains: `flatzone` where they are, a network where they are not.

    python -m tests.campaigns.content --photos DIR... --screens DIR... [--count 30]

The middles of images as JPEG 4:2:0 of four qualities: the share taken for graphics, the mean gain in dB over the
network alone, and what a perfect choice, image by image, would gain.
"""

import argparse
import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

import imgredux
from imgredux.forensics.examine import examine
from tests.benchmarks import restorer_peers
from tests.benchmarks.restorer_peers import gains, middles, opened, saved

QUALITIES = (10, 20, 40, 75)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", nargs="+", type=Path, required=True)
    parser.add_argument("--screens", nargs="+", type=Path, required=True)
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--network", default="unjpeg.blind")
    chosen = parser.parse_args()
    restorer_peers.CROP = (384, 288)
    flat, network = imgredux.get("flatzone"), imgredux.get(chosen.network)
    print("| images | quality | n | taken for graphics | gain, dB | at best |\n|---|---|---|---|---|---|")
    for name, folders in (("photographs", chosen.photos), ("screens", chosen.screens)):
        images = [image for folder in folders for image in middles(folder, max(chosen.count // len(folders), 1))]
        for quality in QUALITIES:
            taken, won, best = [], [], []
            for image in images:
                file = saved(image, quality=quality)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    both = [
                        gains(image, opened(file), method(Image.open(io.BytesIO(file))).convert("RGB"))[0]
                        for method in (flat, network)
                    ]
                    graphics = examine(Image.open(io.BytesIO(file))).graphics
                taken.append(graphics)
                won.append(both[0] - both[1] if graphics else 0.0)
                best.append(max(both[0] - both[1], 0.0))
            figures = f"{np.mean(taken):.0%} | {np.mean(won):+.2f} | {np.mean(best):+.2f}"
            print(f"| {name} | {quality} | {len(images)} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
