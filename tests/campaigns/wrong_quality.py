"""What a restorer gains when it is told another quality than the file's.

    python -m tests.campaigns.wrong_quality DIR [--methods unjpeg slidingdct] [--limit 8]

Greyscale JPEG of libjpeg's tables; gain in dB of PSNR over the JPEG, means over the images. A row is a file's quality,
a column the quality that the tables handed to the method belong to. What a file says of itself is in bold.
"""

import argparse
from pathlib import Path

import torch

import imgredux
from imgredux import ops
from imgredux.io.finding import find_images
from imgredux.io.images import to_tensor
from imgredux.methods.restorer import Restorer

QUALITIES = (10, 20, 40, 75)
TOLD = (5, 10, 15, 20, 30, 40, 60, 75, 90)


def gain(method: Restorer, images: list[torch.Tensor], quality: int, told: int) -> float:
    """Mean dB over the JPEG."""
    gains = []
    for x in images:
        y = ops.jpeg(x, quality)
        with torch.no_grad():
            z = method(y, qtable=ops.ijg_tables(told)[None])
        gains.append(10 * ((y - x).square().mean() / (z - x).square().mean()).log10().item())
    return sum(gains) / len(gains)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("--methods", nargs="+", default=["unjpeg", "slidingdct"])
    parser.add_argument("--limit", type=int, default=8)
    chosen = parser.parse_args()
    files = find_images([chosen.images])
    files = files[:: max(len(files) // chosen.limit, 1)][: chosen.limit]
    images = [ops.luma(to_tensor(file)).mul(255).round().div(255) for file in files]
    for name in chosen.methods:
        method = imgredux.get(name)
        assert isinstance(method, Restorer)
        print(f"\n| `{name}`, file | {' | '.join(f'told {told}' for told in TOLD)} |\n|---|{'---|' * len(TOLD)}")
        for quality in QUALITIES:
            cells = [f"{gain(method, images, quality, told):+.2f}" for told in TOLD]
            marked = [f"**{cell}**" if told == quality else cell for told, cell in zip(TOLD, cells, strict=True)]
            print(f"| {quality} | {' | '.join(marked)} |", flush=True)


if __name__ == "__main__":
    main()
