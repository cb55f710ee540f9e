"""jndjpeg against Pillow's JPEG and guetzli, judged by SSIMULACRA 2 of other hands: its authors' C++ program.

python -m tests.benchmarks.jpeg_judged rates --program ssimulacra2 --data kodak --data cid22 [--search]
python -m tests.benchmarks.jpeg_judged guetzli --program ssimulacra2 --data cid22 --limit 8

`rates`: bytes of jndjpeg against 4:4:4, optimised, progressive JPEG at equal score, BD-rate by image (PCHIP, scores 30
to 92). `guetzli`: each image at its quality 95, and jndjpeg at the largest distance that scores no less; CPU seconds.
The program: see `second_opinion`; guetzli: Debian's package.
"""

import argparse
import io
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

import imgredux
from imgredux.datasets import folder
from imgredux.evaluate.bd_rate import BEST_SCORE, LEAST_SCORE, Curve, saving
from imgredux.io.images import to_tensor
from imgredux.protocols.base import eight_bit
from tests.benchmarks.second_opinion import theirs

QUALITIES = (15, 25, 40, 55, 70, 80, 90, 95)
DISTANCES = (12.0, 8.0, 5.5, 4.0, 2.8, 2.0, 1.4, 1.0, 0.6)
STEPS = 9  # of the bisection of the distance


def decoded(data: bytes) -> Tensor:
    return to_tensor(Image.open(io.BytesIO(data)).convert("RGB"))


def curve(program: str, image: Tensor, files: list[bytes]) -> Curve:
    points = [(8 * len(data) / image[0, 0].numel(), theirs(program, decoded(data), image)) for data in files]
    return sorted(point for point in points if LEAST_SCORE <= point[1] <= BEST_SCORE)


@torch.no_grad()
def rates(chosen: argparse.Namespace) -> None:
    jpeg, ours = (imgredux.get(name) for name in ("jpeg444", "jndjpeg"))
    options = {"search": True} if chosen.search else {}
    print("| images | bytes at equal score | best, worst | smaller for | n |\n| --- | --- | --- | --- | --- |")
    every: list[float] = []
    for place in chosen.data:
        found = []
        for item in folder(place).items[: chosen.limit]:
            image = eight_bit(item.read())
            anchor = curve(chosen.program, image, [jpeg.encode(image, quality=q) for q in QUALITIES])
            test = curve(chosen.program, image, [ours.encode(image, distance=d, **options) for d in DISTANCES])
            found.append(saving(anchor, test).percent)
        show(Path(place).name, found)
        every += found
    if len(chosen.data) > 1:
        show("all", every)


def show(name: str, found: list[float]) -> None:
    error = statistics.stdev(found) / len(found) ** 0.5 if len(found) > 1 else 0.0
    mean = f"{statistics.fmean(found):+.1f} % ±{error:.1f}"
    ends = f"{min(found):+.1f}, {max(found):+.1f}"
    print(f"| {name} | {mean} | {ends} | {sum(one < 0 for one in found)} | {len(found)} |", flush=True)


@torch.no_grad()
def guetzli(chosen: argparse.Namespace) -> None:
    ours = imgredux.get("jndjpeg")
    print("| image | guetzli: bytes, score, s | jndjpeg: bytes, score, s | bytes | times faster |")
    print("| --- | --- | --- | --- | --- |")
    sizes, speeds = [], []
    for item in [item for place in chosen.data for item in folder(place).items][: chosen.limit]:
        image = eight_bit(item.read())
        with tempfile.TemporaryDirectory() as out:
            source, target = Path(out, "in.png"), Path(out, "out.jpg")
            planes = image[0].expand(3, -1, -1).mul(255).round().to(torch.uint8)
            Image.fromarray(planes.permute(1, 2, 0).numpy()).save(source)
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            subprocess.run([chosen.guetzli, "--quality", "95", str(source), str(target)], check=True)
            seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
            data = target.read_bytes()
        score = theirs(chosen.program, decoded(data), image)
        near, far = 0.2, 4.0
        for _ in range(STEPS):
            middle = (near * far) ** 0.5
            good = theirs(chosen.program, decoded(ours.encode(image, distance=middle)), image) >= score
            near, far = (middle, far) if good else (near, middle)
        start = time.process_time()
        mine = ours.encode(image, distance=near)
        own = time.process_time() - start
        reached = theirs(chosen.program, decoded(mine), image)
        sizes.append(len(mine) / len(data))
        speeds.append(seconds / own)
        print(
            f"| {item.stem} | {len(data)}, {score:.2f}, {seconds:.1f} | {len(mine)}, {reached:.2f}, {own:.2f} | "
            f"{100 * (sizes[-1] - 1):+.1f} % | {speeds[-1]:.0f} |",
            flush=True,
        )
    print(f"| all | | | {100 * (statistics.fmean(sizes) - 1):+.1f} % | {statistics.fmean(speeds):.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("rates", "guetzli"))
    parser.add_argument("--data", action="append", required=True, metavar="DIR")
    parser.add_argument("--program", required=True, help="SSIMULACRA 2 of its authors")
    parser.add_argument("--guetzli", default="guetzli", help="the program")
    parser.add_argument("--search", action="store_true", help="jndjpeg with search")
    parser.add_argument("--limit", type=int, help="only the first images of each folder (guetzli: of all)")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    {"rates": rates, "guetzli": guetzli}[chosen.what](chosen)


if __name__ == "__main__":
    main()
