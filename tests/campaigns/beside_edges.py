"""Where a map's noise lies beside strong edges: a guard that ends at a line may pile it up just beyond.

    python -m tests.campaigns.beside_edges DIR... [--limit 8] [--methods localstd wu2017 ddjnd.hiding]

For each map, by distance from `imgredux.maps.strong_edges` in pixels: the share of the map's power there over the share
of the area, so 1 is what a constant map has. Means over the images, each with its own shares.
"""

import argparse
import statistics
from itertools import pairwise
from pathlib import Path

import torch

import imgredux
from imgredux.io.finding import find_images
from imgredux.io.images import to_tensor
from imgredux.maps import strong_edges
from imgredux.ops.protection import dilate

RINGS = (0, 1, 2, 4, 8)  # pixels beyond the strong edges that a ring ends at; the first is the edges themselves


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--limit", type=int, default=8)
    parser.add_argument("--methods", nargs="+", default=["localstd", "wu2017", "ddjnd.hiding"])
    chosen = parser.parse_args()
    heads = ["on them", *(f"{a + 1} to {b}" if b > a + 1 else f"{b}" for a, b in pairwise(RINGS))]
    print(f"| map | {' | '.join(heads)} | farther |\n|---|{'---|' * (len(RINGS) + 1)}")
    files = [file for folder in chosen.images for file in find_images([folder])[: chosen.limit]]
    for name in chosen.methods:
        estimator = imgredux.get(name)
        found: list[list[float]] = []
        for file in files:
            image = to_tensor(file)
            with torch.no_grad():
                power = estimator(image).square().mean(1, keepdim=True)
            found.append(densities(power, strong_edges(image)))
        means = (statistics.mean(one) for one in zip(*found, strict=True))
        print(f"| `{name}` | {' | '.join(f'{mean:.2f}' for mean in means)} |", flush=True)


def densities(power: torch.Tensor, edges: torch.Tensor) -> list[float]:
    """Mean power over that of the image: on the edges, in each ring around them, and beyond all."""
    grown = [dilate(edges, 2 * ring + 1).float() for ring in RINGS]
    rings = [grown[0], *(b - a for a, b in pairwise(grown)), 1 - grown[-1]]
    return [((ring * power).sum() / ring.sum().clamp(min=1) / power.mean()).item() for ring in rings]


if __name__ == "__main__":
    main()
