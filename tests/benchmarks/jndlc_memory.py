"""Peak memory of jndlc, and of CompressAI's mean-scale hyperprior of (32, 64) channels where it is installed.

python -m tests.benchmarks.jndlc_memory        # a table: MiB beyond what was resident before, encoding and decoding
"""

import subprocess
import sys
from importlib.util import find_spec

import torch

import imgredux
from imgredux.io.images import to_tensor
from imgredux.methods.tiling import pad
from tests.benchmarks.memory import peak
from tests.benchmarks.test_bench_jndlc import hyperprior, photograph, theirs

SIDES = (512, 1024, 2048, 4096, 4900)  # the last has 24 megapixels
ROWS = ("jndlc", "CompressAI") if find_spec("compressai") else ("jndlc",)


@torch.no_grad()
def measured(row: str, side: int) -> tuple[float, float]:
    """MiB at the peak of encoding and of decoding."""
    image, small = photograph(side, side), photograph(128, 128)
    kept = []
    if row == "jndlc":
        codec = imgredux.get("jndlc")
        codec.decode(codec.encode(small))  # libraries load and caches fill
        encoding = peak(lambda: kept.append(codec.encode(image)))
        return encoding, peak(lambda: codec.decode(kept[0]))
    network = theirs(hyperprior())
    network.compress(pad(to_tensor(small), 64))
    encoding = peak(lambda: kept.append(network.compress(pad(to_tensor(image), 64))))
    return encoding, peak(lambda: network.decompress(kept[0]["strings"], kept[0]["shape"])["x_hat"])


def main() -> None:
    if len(sys.argv) == 3:
        print(*measured(sys.argv[1], int(sys.argv[2])))
        return
    columns = [f"{row}: encode, decode" for row in ROWS]
    print(f"| pixels | {' | '.join(columns)} |\n| --- |{' --- |' * len(columns)}")
    for side in SIDES:
        cells = []
        for row in ROWS:
            command = [sys.executable, "-W", "ignore", "-m", __spec__.name, row, str(side)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            cells.append(", ".join(f"{float(one):.0f} MiB" for one in done.stdout.split()))
        print(f"| {side}x{side} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
