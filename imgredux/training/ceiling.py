"""How far estimators are from the best map there is: the free optimum of each image, on a few crops.

    python -m imgredux.training.ceiling localstd ddjnd --images photos/ --crops 4

prints a Markdown table. A row is the middle of an image, evenly chosen from the folders, at one MSE. It has the
SSIMULACRA 2 of noise shaped by each method, and by a map whose pixels were all free and were optimised for that crop
and that MSE (`hiding.free_optimum`). In brackets is each map's concentration over localstd's. The noise for judging has
other signs than the noise for optimising.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from imgredux import registry
from imgredux.io.images import to_tensor
from imgredux.maps.noise import inject
from imgredux.maps.statistics import concentration
from imgredux.metrics.ssimulacra2 import ssimulacra2
from imgredux.protocols.declared import EQUAL_MSE
from imgredux.training import hiding
from imgredux.training.crops import find_by_folder

SIDE = 256  # pixels
SEEDS = (1000, 1001, 1002)  # none that `free_optimum` draws from


def score(image: Tensor, jnd: Tensor, mse: float) -> float:
    """Mean SSIMULACRA 2 over the seeds."""
    noisy = torch.cat([inject(image, jnd, mse, seed=seed).image for seed in SEEDS])
    return ssimulacra2(noisy, image.expand_as(noisy)).mean().item()


@torch.no_grad()
def table(methods: Sequence[str], files: Sequence[Path], levels: Sequence[float], steps: int) -> str:
    """The Markdown table; its last line is the mean."""
    names = list(dict.fromkeys([EQUAL_MSE.baseline, *methods]))
    estimators = {name: registry.get(name) for name in names}
    lines, scores = [], []
    for file in files:
        image = _middle(to_tensor(file))
        maps = {name: method(image) for name, method in estimators.items()}
        spread = concentration(maps[EQUAL_MSE.baseline])
        for mse in levels:
            found = {**maps, "free optimum": hiding.free_optimum(image, mse, steps)}
            row = {name: score(image, jnd, mse) for name, jnd in found.items()}
            scores.append(list(row.values()))
            cells = [f"{row[name]:.2f} ({(concentration(jnd) / spread).item():.2f})" for name, jnd in found.items()]
            lines.append([file.stem, f"{mse:g}", *cells])
    means = torch.tensor(scores).mean(0).tolist()
    head = ["crop", "MSE", *names, "free optimum"]
    rows = [head, ["---"] * len(head), *lines, ["mean", "", *(f"{mean:.2f}" for mean in means)]]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _middle(image: Tensor) -> Tensor:
    """The middle `(1, 3, SIDE, SIDE)` or less, at a corner of an 8x8 block."""
    top, left = (max(side - SIDE, 0) // 16 * 8 for side in image.shape[-2:])
    return image.expand(-1, 3, -1, -1)[..., top : top + SIDE, left : left + SIDE].contiguous()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m imgredux.training.ceiling", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("methods", nargs="+", metavar="NAME[.TAG]")
    parser.add_argument("--images", nargs="+", required=True, metavar="DIR")
    parser.add_argument("--crops", type=int, default=4, help="how many images, one crop of each")
    parser.add_argument("--levels", type=float, nargs="+", default=[16.121, 100], metavar="MSE")
    parser.add_argument("--steps", type=int, default=100, help="of Adam, for each crop and level")
    chosen = parser.parse_args(arguments)
    found = [file for files in find_by_folder(chosen.images).values() for file in files]
    spread = found[:: max(len(found) // chosen.crops, 1)][: chosen.crops]
    print(table(chosen.methods, spread, chosen.levels, chosen.steps))


if __name__ == "__main__":
    main()
