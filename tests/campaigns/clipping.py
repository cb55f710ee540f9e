"""What restorers gain by what decoders clip: dB over the JPEG, from clipped pixels and from the decoder's own values.

    python -m tests.campaigns.clipping --photos DIR... --screens DIR... [--methods flatzone slidingdct arcnn unjpeg]

The middles of images as JPEG 4:2:0; dB of RGB, each image at most 60 dB from its original.
"""

import argparse
import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image

import imgredux
from imgredux.io.images import read
from imgredux.metrics import psnr
from tests.benchmarks import restorer_peers
from tests.benchmarks.restorer_peers import MOST, middles, saved

QUALITIES = (10, 30, 60, 85)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--photos", nargs="+", type=Path, required=True)
    parser.add_argument("--screens", nargs="+", type=Path, required=True)
    parser.add_argument("--methods", nargs="+", default=["flatzone", "slidingdct", "arcnn", "unjpeg"])
    parser.add_argument("--count", type=int, default=16)
    chosen = parser.parse_args()
    restorer_peers.CROP = (384, 288)
    print(f"| images | quality | {' | '.join(chosen.methods)} |\n|---|---|{'---|' * len(chosen.methods)}")
    for name, folders in (("photographs", chosen.photos), ("screens", chosen.screens)):
        images = [image for folder in folders for image in middles(folder, chosen.count // len(folders))]
        for quality in QUALITIES:
            cells = []
            for label in chosen.methods:
                method = imgredux.get(label).at(quality, True, name == "screens")
                gains = [_gains(method, image, quality) for image in images]
                cells.append("{:+.2f} → {:+.2f}".format(*np.mean(gains, 0)))
            print(f"| {name} | {quality} | {' | '.join(cells)} |", flush=True)


def _gains(method: imgredux.Restorer, image: Image.Image, quality: int) -> tuple[float, float]:
    source = read(Image.open(io.BytesIO(saved(image, quality=quality))), stored=True)
    clean = torch.from_numpy(np.array(image)).movedim(2, 0)[None] / 255

    def near(x: torch.Tensor) -> float:
        return psnr(x.clamp(0, 1).mul(255).round().div(255), clean).clamp(max=MOST).item()

    told = {"qtable": source.qtable, "subsampling": source.subsampling}
    without, using = (near(method(x, **told)) for x in (source.x, method.planes(source)))
    return without - near(source.x), using - near(source.x)


if __name__ == "__main__":
    main()
