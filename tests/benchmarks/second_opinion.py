"""Estimators at equal noise by SSIMULACRA 2 of other hands: its authors' C++ program.

python -m tests.benchmarks.second_opinion ddjnd.hiding localstd --program ssimulacra2 --data DIR [--data DIR:2 ...]

For each folder, and for all together: by how much the first method is above each other, the mean over MSE 16.121 and
100, by that program and by imgredux, with standard errors over images. What an estimator is trained on, imgredux's
own metric, does not judge alone. DIR:2 is shrunk by 2 first. The program: github.com/cloudinary/ssimulacra2, which its
`build_ssimulacra` builds (Debian: libhwy-dev liblcms2-dev libjpeg-dev libpng-dev cmake ninja-build).
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

import imgredux
from imgredux.datasets import folder
from imgredux.metrics import ssimulacra2
from imgredux.protocols.base import eight_bit

LEVELS = (16.121, 100.0)


def theirs(program: str, noisy: Tensor, image: Tensor) -> float:
    """The program's score; it reads files."""
    with tempfile.TemporaryDirectory() as out:
        paths = [Path(out, name) for name in ("image.png", "noisy.png")]
        for x, path in zip((image, noisy), paths, strict=True):
            planes = x[0].expand(3, -1, -1).mul(255).round().to(torch.uint8)
            Image.fromarray(planes.permute(1, 2, 0).numpy()).save(path, compress_level=0)
        done = subprocess.run([program, *map(str, paths)], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[0])


def scores(program: str, image: Tensor, jnd: Tensor) -> tuple[float, float]:
    """The program's and ours, means over the levels."""
    noisy = [imgredux.inject(image, jnd, mse).image for mse in LEVELS]
    programs = sum(theirs(program, one, image) for one in noisy)
    ours = sum(ssimulacra2(one, image).item() for one in noisy)
    return programs / len(noisy), ours / len(noisy)


@torch.no_grad()
def measured(program: str, names: list[str], place: str, limit: int | None) -> Tensor:
    """`(images, methods, 2)`."""
    path, _, factor = place.partition(":")
    methods = [imgredux.get(name) for name in names]
    found = []
    for item in folder(path, downscale=int(factor or 1)).items[:limit]:
        image = eight_bit(item.read())
        found.append([scores(program, image, method(image)) for method in methods])
    return torch.tensor(found)


def line(label: str, name: str, ahead: Tensor) -> str:
    """ahead: `(images, 2)`."""
    mean, error = ahead.mean(0), ahead.std(0) / len(ahead) ** 0.5
    cells = [f"{m:+.2f} ±{e:.2f}" for m, e in zip(mean.tolist(), error.tolist(), strict=True)]
    return f"| {label} | {name} | {' | '.join(cells)} | {len(ahead)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("methods", nargs="+")
    parser.add_argument("--data", action="append", required=True, metavar="DIR[:N]")
    parser.add_argument("--program", required=True, help="the authors' program")
    parser.add_argument("--limit", type=int, help="only the first images of each folder")
    chosen = parser.parse_args()
    first, *others = chosen.methods
    print(f"| images | {first} above | by its authors' program | by imgredux | n |\n| --- | --- | --- | --- | --- |")
    every = []
    for place in chosen.data:
        every.append(measured(chosen.program, chosen.methods, place, chosen.limit))
        _show(Path(place.partition(":")[0]).name, others, every[-1])
    if len(every) > 1:
        _show("all", others, torch.cat(every))


def _show(label: str, others: list[str], found: Tensor) -> None:
    for place, name in enumerate(others, 1):
        print(line(label, name, found[:, 0] - found[:, place]), flush=True)


if __name__ == "__main__":
    main()
