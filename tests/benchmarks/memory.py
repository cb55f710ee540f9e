"""Peak extra memory of an estimator on a 12-megapixel luma plane, in a process of its own.

python -m tests.benchmarks.memory wei2009      # prints MiB beyond what was resident before the call
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch

import imgredux

HEIGHT, WIDTH = 3000, 4000
LIMIT = (4 * 4 * HEIGHT * WIDTH + 100e6) / 2**20  # four float32 planes and 100 MB, in MiB


def status(field: str) -> float:
    """A figure of this process in MiB, as VmRSS, what is resident, and VmHWM, its peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise LookupError(field)


def measure(name: str) -> float:
    """MiB that the method takes at its peak, its map included; Linux only."""
    method = imgredux.get(name)
    generator = torch.Generator().manual_seed(0)
    method(torch.rand(1, 1, 64, 64, generator=generator))  # libraries load and caches fill on the first call
    x = torch.rand(1, 1, HEIGHT // 8, WIDTH // 8, generator=generator)
    x = torch.nn.functional.interpolate(x, (HEIGHT, WIDTH), mode="bilinear")

    def call() -> torch.Tensor:
        map_ = method(x)
        assert map_.shape == x.shape
        return map_

    return peak(call)


def peak(call: Callable[[], object]) -> float:
    """MiB that a call takes at its peak beyond what was resident before it, its result included; Linux only."""
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the kernel forgets the peak so far
    result = call()  # held while the peak is read
    used = status("VmHWM") - before
    del result
    return used


def in_own_process(name: str) -> float:
    """`measure(name)` in a fresh interpreter."""
    done = subprocess.run([sys.executable, "-m", __spec__.name, name], capture_output=True, text=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    print(measure(sys.argv[1]))
