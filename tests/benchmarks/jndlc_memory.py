"""Peak memory of jndlc and of CompressAI's own class of the same size, each in a process of its own.

python -m tests.benchmarks.jndlc_memory        # a table: MiB beyond what was resident before, encoding and decoding
"""

import subprocess
import sys

import torch

import imgredux
from imgredux.io.images import to_tensor
from imgredux.methods.tiling import pad
from tests.benchmarks.memory import peak
from tests.benchmarks.test_bench_jndlc import photograph

SIDES = (512, 1024, 2048, 4096)


@torch.no_grad()
def measured(row: str, side: int) -> tuple[float, float]:
    """MiB at the peak of encoding and of decoding."""
    codec, image = imgredux.get("jndlc"), photograph(side, side)
    core = codec.network.core
    core.update(force=True)
    small = photograph(128, 128)
    codec.decode(codec.encode(small))  # libraries load and caches fill
    kept = []
    if row == "jndlc":
        encoding = peak(lambda: kept.append(codec.encode(image, quality=2)))
        return encoding, peak(lambda: codec.decode(kept[0]))
    encoding = peak(lambda: kept.append(core.compress(pad(to_tensor(image), 64))))
    return encoding, peak(lambda: core.decompress(kept[0]["strings"], kept[0]["shape"])["x_hat"])


def main() -> None:
    if len(sys.argv) == 3:
        print(*measured(sys.argv[1], int(sys.argv[2])))
        return
    print("| pixels | jndlc: encode, decode | CompressAI: encode, decode |\n| --- | --- | --- |")
    for side in SIDES:
        cells = []
        for row in ("jndlc", "CompressAI"):
            command = [sys.executable, "-W", "ignore", "-m", __spec__.name, row, str(side)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            cells.append(", ".join(f"{float(one):.0f} MiB" for one in done.stdout.split()))
        print(f"| {side}x{side} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
