"""Peak memory of DDJND beyond what was resident: training steps and whole images, each in a process of its own.

python -m tests.benchmarks.ddjnd_memory            # a Markdown table; Linux only

Steps are forward and backward at batch 4 through exact attention, width 32. Images go through the shipped weights,
and through a fresh network of width 32 with exact attention. Per megapixel: what one more megapixel takes, between the
row and the one above it. The matrix of the plain attention is computed, not allocated.
"""

import subprocess
import sys
import time

import torch

import imgredux
from imgredux._version import commit
from tests.benchmarks.memory import peak
from tests.benchmarks.report import processor

BATCH = 4
STEPS = (112, 160, 224)  # sides of the crops
PICTURES = ((512, 512), (720, 1280), (1080, 1920), (2160, 3840))
EXACT = ((224, 224), (448, 448), (720, 1280))  # a tile takes seconds


def step(side: int) -> float:
    """MiB of a training step on crops of a side."""
    torch.manual_seed(0)
    method = imgredux.create("ddjnd").train()
    x = torch.rand(BATCH, 3, side, side)
    return _used(lambda: method(x).square().mean().backward())


def shipped(height: int, width: int) -> float:
    """MiB of an image through the shipped weights of the paper's head, the map included."""
    return _picture(imgredux.get("ddjnd.paper"), height, width)


def exact(height: int, width: int) -> float:
    """MiB of an image through a fresh network of width 32, attention over all pixels of a tile."""
    torch.manual_seed(0)
    return _picture(imgredux.create("ddjnd").eval().requires_grad_(False), height, width)


def _used(call) -> float:
    torch.set_num_threads(1)
    return peak(call)


def _picture(method, height: int, width: int) -> float:
    x = torch.rand(1, 3, height, width)
    return _used(lambda: method(x))


def _row(what: str, *sizes: int) -> tuple[float, float]:
    """MiB and CPU seconds, measured in a fresh interpreter."""
    code = (
        f"import time; from tests.benchmarks.ddjnd_memory import {what} as f; s = time.process_time(); "
        f"print(f(*{sizes}), time.process_time() - s)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    used, seconds = map(float, done.stdout.split())
    return used, seconds


def main() -> None:
    print(f"{processor()}, {time.strftime('%Y-%m-%d')}, {commit()}, torch {torch.__version__}, one thread\n")
    print("| what | size | MiB | MiB per megapixel more | N x N matrix, MiB | CPU s |\n|---|---|---|---|---|---|")
    kinds = (
        (f"training step, batch {BATCH}, width 32", "step", [(side,) for side in STEPS]),
        ("picture, shipped weights", "shipped", PICTURES),
        ("picture, width 32, exact attention", "exact", EXACT),
    )
    for label, what, sizes in kinds:
        before = None
        for size in sizes:
            height, width = size * 2 if len(size) == 1 else size
            pixels = height * width * (BATCH if what == "step" else 1)
            used, seconds = _row(what, *size)
            growth = "" if before is None else f"{(used - before[0]) / (pixels - before[1]) * 1e6:.0f}"
            matrix = (height * width) ** 2 * 4 / 2**20 * (BATCH if what == "step" else 1)
            print(f"| {label} | {width}x{height} | {used:.0f} | {growth} | {matrix:,.0f} | {seconds:.0f} |", flush=True)
            before = used, pixels


if __name__ == "__main__":
    main()
